import Bytes
import ChatTemplates
import Formats
import ObjectStore
import PersonalLM
import StageKit
import Tokenizers

/// Puts together what goes to the device: model, adapter, tokenizer, index, manifest and card.
@main enum Package: Stage {
  static let name = "package"
  static let version = 5
  static let summary = "Puts model, adapter, tokenizer, index, manifest and card into one bundle."

  static let inputs = [
    Input("model", kind: "gguf", help: "model.gguf, as quantize wrote it, the adapter merged in."),
    Input("base", kind: "model", help: "The base: for its identity, tokenizer and licence."),
    Input(
      "base_model", kind: "gguf", optional: true,
      help: "The base alone, as quantize wrote it: what adapters are shipped over, and what a "
        + "bundle falls back to."),
    Input("adapter", kind: "adapter", optional: true, help: "The PEFT folder."),
    Input("adapter_gguf", kind: "gguf-adapter", optional: true, help: "The adapter as GGUF."),
    Input("index", kind: "index", optional: true, help: "The index over the user's own texts."),
    Input("profile", kind: "profile", optional: true, help: "The user's manner in words."),
    Input("metrics", kind: "metrics", optional: true, help: "What evaluate measured."),
    Input("records_report", kind: "report", optional: true, help: "The report of ingest."),
    Input("samples_report", kind: "report", optional: true, help: "The report of filter."),
  ]
  static let outputs = [
    Output("bundle", kind: "bundle", help: "All of it, with manifest.json and README.md."),
    Output(
      "base", kind: "bundle-base", optional: true,
      help: "With layout=adapter: the base that all such bundles share."),
  ]

  static let layout = Parameter(
    "layout", default: "merged", oneOf: BundleManifest.Layout.allCases.map(\.rawValue),
    help: "merged: one model. adapter: an adapter of megabytes, over a base that many share.")
  static let gate = Parameter(
    "gate", default: true,
    help: "Ships base, retrieval or personal model, whichever is best on validation texts; false "
      + "ships the personal model in any case.")
  static let modelfile = Parameter(
    "modelfile", default: false, help: "Adds a Modelfile, by which Ollama takes the bundle in.")
  static let baseName = Parameter(
    "base_name", default: "", help: "What people call the base; empty takes it from its card.")
  static let baseLicence = Parameter(
    "base_licence", default: "",
    help: "The licence of the base, as SPDX writes it; empty takes it from its card.")
  static let parameters: [any ParameterDeclaration] = [
    layout, gate, modelfile, baseName, baseLicence,
  ]

  static func run(_ context: StageContext) async throws {
    let base = try context.input("base")
    let isShared = context[layout] == BundleManifest.Layout.adapter.rawValue
    let baseModel = context.optionalInput("base_model")
    let adapter = context.optionalInput("adapter")
    let index = context.optionalInput("index")
    if isShared, baseModel == nil { throw PackageError.noBaseModel }
    let merged = try context.input("model")
    let metrics = try BundleFacts.json(context, "metrics", "metrics.json")
    let decided = ShipGate(
      metrics: metrics, isOn: context[Self.gate], isPersonal: adapter != nil,
      hasBase: baseModel != nil, hasIndex: index != nil)
    // What a merged bundle falls back to is the base alone.
    let model = isShared || !decided.ships.isPersonal ? baseModel ?? merged : merged
    let gguf = try GGUFModel(try model.map(model.isTree ? "model.gguf" : ""))

    var shared = BundleFiles(context.output(isShared ? "base" : "bundle"))
    try shared.link("model.gguf", model, model.isTree ? "model.gguf" : "")
    try tokenizer(of: base, gguf, into: &shared)
    for path in base.paths where isLicence(path) {
      try shared.link("licences/base/" + path, base, path)
    }
    var own = isShared ? BundleFiles(context.output("bundle")) : shared
    if let adapter { for path in adapter.paths { try own.link("adapter/" + path, adapter, path) } }
    if let adapter = context.optionalInput("adapter_gguf") {
      try own.link("adapter.gguf", adapter, adapter.isTree ? "adapter.gguf" : "")
    }
    if let index { try own.link("index.json", index, index.paths.first ?? "") }

    let facts = try BundleFacts(
      context, base: base, model: gguf, modelDigest: model.digest, gate: decided,
      metrics: metrics, sharedFiles: isShared ? shared.files : [])
    if context[modelfile], facts.needsPLM {
      context.log(
        "no Modelfile: Ollama cannot load a DoRA adapter; layout=merged has it in the model")
    } else if context[modelfile] {
      try own.write("Modelfile", facts.modelfile(hasAdapter: own.has("adapter.gguf")))
    }
    try own.write("README.md", Array(ModelCard(facts, files: own.files.map(\.path)).text.utf8))
    // The manifest comes last: it names every other file.
    try own.output.write(BundleManifest.fileName, facts.manifest(own.files).indentedBytes())
    context.log("ships \(decided.ships.rawValue): \(decided.reason)")
    context.progress([
      "files": .int(own.files.count + 1), "bytes": .int(own.files.reduce(0) { $0 + $1.bytes }),
      "ships": .string(decided.ships.rawValue),
    ])
  }

  /// What turns text into tokens and conversations into text.
  private static func tokenizer(
    of base: InputArtifact, _ gguf: GGUFModel, into files: inout BundleFiles
  ) throws {
    let names = [TokenizerFolder.fileName, TokenizerFolder.configName]
    var own: ByteLevelBPE?
    if gguf.file.metadata["tokenizer.ggml.model"]?.text == "gpt2", !names.allSatisfy(base.has) {
      own = try ByteLevelBPE(gguf: gguf.file)
    }
    if base.has(TokenizerFolder.fileName) {
      try files.link(TokenizerFolder.fileName, base, TokenizerFolder.fileName)
    } else if let own {
      try files.write(TokenizerFolder.fileName, own.json())
    } else {
      // What a GGUF model says of such a vocabulary need not be all that the base's files do.
      for name in [TokenizerFolder.modelName, TokenizerFolder.addedName] where base.has(name) {
        try files.link(name, base, name)
      }
    }
    if base.has(TokenizerFolder.configName) {
      try files.link(TokenizerFolder.configName, base, TokenizerFolder.configName)
    } else if let own {
      // The base's config.json, which stays behind, may have named what ends a text: without it the
      // bundle would end texts otherwise than it was trained to.
      try files.write(TokenizerFolder.configName, own.configJSON())
    }
    if base.has(ChatTemplate.fileName) {
      try files.link(ChatTemplate.fileName, base, ChatTemplate.fileName)
    }
  }

  private static func isLicence(_ path: String) -> Bool {
    let name = path.lowercased()
    return !name.contains("/")
      && ["licen", "notice", "copying"].contains(where: name.hasPrefix)
  }
}

/// Stores what goes into an output, and what the manifest says of each file.
struct BundleFiles {
  let output: OutputArtifact
  private(set) var files: [BundleManifest.File] = []

  init(_ output: OutputArtifact) { self.output = output }

  func has(_ path: String) -> Bool { files.contains { $0.path == path } }

  mutating func link(_ path: String, _ input: InputArtifact, _ own: String) throws {
    try output.link(path, to: input, own)
    files.append(
      BundleManifest.File(
        path: path, digest: try input.digest(of: own), bytes: try input.size(of: own)))
  }

  mutating func write(_ path: String, _ bytes: [UInt8]) throws {
    try output.write(path, bytes)
    files.append(BundleManifest.File(path: path, digest: Digest(of: bytes), bytes: bytes.count))
  }
}

/// Says why no bundle can be put together, as facts.
enum PackageError: StageFailure, Equatable, CustomStringConvertible {
  case noBaseModel

  var exitCode: Int32 { 2 }

  var description: String {
    switch self {
    case .noBaseModel:
      "layout=adapter without base_model · adapters are shipped over a base · "
        + "give what quantize wrote of the base alone"
    }
  }
}
