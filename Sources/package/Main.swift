import Bytes
import Formats
import ObjectStore
import StageKit
import Tokenizers

/// Puts together what goes to the device: model, adapter, tokenizer, index, manifest and card.
@main enum Package: Stage {
  static let name = "package"
  static let version = 1
  static let summary = "Puts model, adapter, tokenizer, index, manifest and card into one bundle."

  static let inputs = [
    Input("model", kind: "gguf", help: "model.gguf, as quantize wrote it."),
    Input("base", kind: "model", help: "The base: for its identity, tokenizer and licence."),
    Input("adapter", kind: "adapter", optional: true, help: "The PEFT folder."),
    Input("adapter_gguf", kind: "gguf-adapter", optional: true, help: "The adapter as GGUF."),
    Input("index", kind: "index", optional: true, help: "The index over the user's own texts."),
    Input("profile", kind: "profile", optional: true, help: "The user's manner in words."),
    Input("metrics", kind: "metrics", optional: true, help: "What evaluate measured."),
    Input("records_report", kind: "report", optional: true, help: "The report of ingest."),
    Input("samples_report", kind: "report", optional: true, help: "The report of filter."),
  ]
  static let outputs = [
    Output("bundle", kind: "bundle", help: "All of it, with manifest.json and README.md.")
  ]

  static let baseName = Parameter(
    "base_name", default: "", help: "What people call the base; empty takes it from its card.")
  static let baseLicence = Parameter(
    "base_licence", default: "",
    help: "The licence of the base, as SPDX writes it; empty takes it from its card.")
  static let parameters: [any ParameterDeclaration] = [baseName, baseLicence]

  static func run(_ context: StageContext) async throws {
    let bundle = context.output("bundle")
    let base = try context.input("base")
    var files: [BundleFile] = []
    func link(_ path: String, _ input: InputArtifact, _ own: String = "") throws {
      try bundle.link(path, to: input, own)
      files.append(
        BundleFile(path: path, digest: try input.digest(of: own), size: try input.size(of: own)))
    }
    func write(_ path: String, _ bytes: [UInt8]) throws {
      try bundle.write(path, bytes)
      files.append(BundleFile(path: path, digest: Digest(of: bytes), size: bytes.count))
    }

    let model = try context.input("model")
    try link("model.gguf", model, model.isTree ? "model.gguf" : "")
    let gguf = try GGUFModel(try model.map(model.isTree ? "model.gguf" : ""))
    if let adapter = context.optionalInput("adapter") {
      for path in adapter.paths { try link("adapter/" + path, adapter, path) }
    }
    if let adapter = context.optionalInput("adapter_gguf") {
      try link("adapter.gguf", adapter, adapter.isTree ? "adapter.gguf" : "")
    }
    if base.has(TokenizerFolder.fileName) {
      try link(TokenizerFolder.fileName, base, TokenizerFolder.fileName)
    } else if gguf.file.metadata["tokenizer.ggml.tokens"] != nil {
      try write(TokenizerFolder.fileName, ByteLevelBPE(gguf: gguf.file).json())
    }
    if let index = context.optionalInput("index") {
      try link("index.json", index, index.paths.first ?? "")
    }
    for path in base.paths where isLicence(path) { try link("licences/base/" + path, base, path) }

    let facts = try BundleFacts(
      context, base: base, model: gguf, baseName: context[baseName],
      baseLicence: context[baseLicence])
    try write("README.md", Array(ModelCard(facts, files: files.map(\.path)).text.utf8))
    // The manifest comes last: it names every other file.
    try bundle.write("manifest.json", facts.manifest(files).indentedBytes())
    context.progress([
      "files": .int(files.count + 1), "bytes": .int(files.reduce(0) { $0 + $1.size }),
    ])
  }

  private static func isLicence(_ path: String) -> Bool {
    let name = path.lowercased()
    return !name.contains("/")
      && ["licen", "notice", "copying"].contains(where: name.hasPrefix)
  }
}

/// Stores what the manifest says of one file of the bundle.
struct BundleFile {
  let path: String
  let digest: Digest
  let size: Int
}
