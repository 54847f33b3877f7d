import Bytes
import Formats
import Kernels
import Models
import StageKit
import Tokenizers

/// Makes a base from nothing but a tokenizer: its config, and weights drawn from a seed.
@main enum Initialize: Stage {
  static let name = "initialize"
  static let version = 2
  static let summary = "Makes an untrained base: config and random weights for a tokenizer."

  static let inputs = [
    Input("tokenizer", kind: "tokenizer", help: "The tokenizer the base will use.")
  ]
  static let outputs = [Output("base", kind: "model", help: "A Hugging Face folder.")]

  static let hiddenSize = Parameter("hidden_size", default: 256, in: 8...65536, help: "Width.")
  static let intermediateSize = Parameter(
    "intermediate_size", default: 768, in: 8...262144, help: "Width inside the MLP.")
  static let layers = Parameter("layers", default: 6, in: 1...1024, help: "Layers.")
  static let heads = Parameter("heads", default: 8, in: 1...1024, help: "Query heads.")
  static let keyValueHeads = Parameter(
    "key_value_heads", default: 4, in: 1...1024, help: "Heads of keys and values.")
  static let positions = Parameter(
    "positions", default: 512, in: 8...1_048_576, help: "Longest sequence, in tokens.")
  static let ropeTheta = Parameter(
    "rope_theta", default: 10000.0, in: 1...1e9, help: "Base of the rotary positions.")
  static let seed = Parameter("seed", default: 1, in: 0...Int.max, help: "Seed of the weights.")
  static let parameters: [any ParameterDeclaration] = [
    hiddenSize, intermediateSize, layers, heads, keyValueHeads, positions, ropeTheta, seed,
  ]
  static var refusedKernels: String? { Kernels.refusedVariant }

  static func run(_ context: StageContext) async throws {
    let tokenizer = try context.input("tokenizer")
    let vocabulary = try vocabularySize(tokenizer)
    let opened = try TokenizerFolder.open(paths: tokenizer.paths) { try tokenizer.map($0) }
    // Where texts end, as the stages that read this base will take it.
    let ends = opened.separatorID.map { [$0] } ?? []
    let config = ModelConfig(
      hiddenSize: context[hiddenSize], intermediateSize: context[intermediateSize],
      layerCount: context[layers], headCount: context[heads],
      keyValueHeadCount: context[keyValueHeads], vocabularySize: vocabulary,
      ropeTheta: context[ropeTheta], tiedEmbeddings: true, maximumPositions: context[positions],
      bosID: opened.bosID ?? ends.first,
      eosIDs: opened.eosIDs.isEmpty ? ends : opened.eosIDs, padID: ends.first)
    guard config.hiddenSize.isMultiple(of: config.headCount),
      config.headSize.isMultiple(of: 2),
      config.headCount.isMultiple(of: config.keyValueHeadCount)
    else {
      throw InitializeError.headsDoNotDivide(
        hidden: config.hiddenSize, heads: config.headCount, groups: config.keyValueHeadCount)
    }
    var random = SeededRandom(seed: UInt64(context[seed]), purpose: "weights")
    let model = LanguageModel(
      config: config, weights: FloatBuffer(count: config.parameterCount))
    model.draw(&random)
    context.log("\(config.parameterCount) parameters")
    let output = context.output("base")
    try output.write(ModelConfig.fileName, config.json())
    try output.write("model.safetensors", model.safetensors(as: .f32), mappable: true)
    for path in tokenizer.paths { try output.link(path, to: tokenizer, path) }
  }

  /// The number of tokens, counted in tokenizer.json.
  private static func vocabularySize(_ tokenizer: InputArtifact) throws -> Int {
    let node = try JSONNode(parsing: tokenizer.read("tokenizer.json"), format: "tokenizer.json")
    var ids = Set((node["model"]?["vocab"]?.members ?? []).compactMap { $0.value.int })
    for token in node["added_tokens"]?.elements ?? [] {
      if let id = token["id"]?.int { ids.insert(id) }
    }
    guard let last = ids.max(), last + 1 == ids.count else {
      throw InitializeError.badVocabulary(tokens: ids.count, last: ids.max() ?? -1)
    }
    return ids.count
  }
}

/// Says why no base can be made, as facts.
enum InitializeError: StageFailure, Equatable, CustomStringConvertible {
  case headsDoNotDivide(hidden: Int, heads: Int, groups: Int)
  case badVocabulary(tokens: Int, last: Int)

  var exitCode: Int32 {
    switch self {
    case .headsDoNotDivide: 2
    case .badVocabulary: 1
    }
  }

  var description: String {
    switch self {
    case .headsDoNotDivide(let hidden, let heads, let groups):
      "shape does not divide · hidden_size \(hidden), heads \(heads), key_value_heads \(groups) · "
        + "heads must divide hidden_size into even parts, and key_value_heads must divide heads"
    case .badVocabulary(let tokens, let last):
      "vocabulary has gaps · \(tokens) tokens, largest id \(last) · check tokenizer.json"
    }
  }
}
