import Bytes
import Formats
import StageKit
import Tokenizers

/// Writes a base with its adapter merged as one GGUF model, and the adapter alone as another.
@main enum Quantize: Stage {
  static let name = "quantize"
  static let version = 1
  static let summary = "Writes a base with its adapter as GGUF, and the adapter alone."

  static let inputs = [
    Input("base", kind: "model", help: "A model: Hugging Face folder, GGUF or llama2.c."),
    Input("adapter", kind: "adapter", optional: true, help: "A PEFT folder with a LoRA adapter."),
  ]
  static let outputs = [
    Output("model", kind: "gguf", help: "model.gguf, the adapter merged into it."),
    Output(
      "adapter", kind: "gguf-adapter", optional: true,
      help: "adapter.gguf, where an adapter was given."),
  ]

  static let type = Parameter(
    "type", default: "Q8_0", oneOf: GGUFTensorType.allCases.map(\.name),
    help: "How matrices are stored; norms and biases are F32.")
  static let parameters: [any ParameterDeclaration] = [type]

  static func run(_ context: StageContext) async throws {
    let base = try context.input("base")
    let paths = base.isTree ? base.paths : [""]
    let model = try ModelFolder(paths: paths) { try base.map($0) }
    let adapter = try context.optionalInput("adapter").map { try open($0, model.config) }
    let type = GGUFTensorType(name: context[Self.type]) ?? .q8
    let export = try GGUFExport(config: model.config, type: type)
    let tokenizer = try vocabulary(base, paths, context)
    if let tokenizer, tokenizer.vocabularyCount > model.config.vocabularySize {
      throw FormatError.wrongShape(
        tensor: "model.embed_tokens.weight",
        expected: [tokenizer.vocabularyCount, model.config.hiddenSize],
        found: [model.config.vocabularySize, model.config.hiddenSize])
    }

    let layout = export.layout(
      tokenizer: try tokenizer?.ggufMetadata(count: model.config.vocabularySize))
    let writer = try context.output("model").writer("model.gguf", mappable: true)
    try writer.write(layout.header)
    for (place, item) in export.items.enumerated() {
      let values = try export.values(item, from: model.tensors, adapter: adapter)
      try writer.write(item.entry.type.bytes(values))
      try writer.write(Array(repeating: 0, count: GGUFLayout.padding(after: item.entry.size)))
      if item.fellBack {
        context.log("\(item.entry.name): rows are no multiple of 32, kept in F16")
      }
      if place % 20 == 0 {
        context.progress(["tensor": .int(place), "tensors": .int(export.items.count)])
      }
    }
    let size = writer.count
    try writer.finish()
    if let adapter {
      try context.output("adapter").write(
        "adapter.gguf", try GGUFExport.adapter(adapter, model: model.config), mappable: true)
    }
    context.progress([
      "bytes": .int(size), "type": .string(type.name),
      "fell_back": .int(export.items.count(where: \.fellBack)),
    ])
  }

  private static func open(_ input: InputArtifact, _ model: ModelConfig) throws -> AdapterWeights {
    try AdapterWeights(
      config: AdapterConfig(json: input.read(AdapterConfig.fileName)),
      file: SafetensorsFile(input.map(AdapterConfig.weightsName)), model: model)
  }

  private static func vocabulary(
    _ base: InputArtifact, _ paths: [String], _ context: StageContext
  ) throws -> (any Tokenizer)? {
    guard TokenizerFolder.isThere(in: paths) else {
      context.log("the base has no tokenizer: model.gguf will have none either")
      return nil
    }
    return try TokenizerFolder.open(paths: paths) { try base.map($0) }
  }
}
