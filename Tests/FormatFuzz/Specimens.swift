import Bytes
import Formats
import Tokenizers

/// Stores good files, and makes changed ones of them.
struct Specimens {
  enum Kind: String, CaseIterable {
    case gguf, safetensors, tokenizer, config
  }

  private let ggufs: [GGUFSpecimen]
  private let config: [UInt8]
  private let weights: [UInt8]
  private let tokenizer: [UInt8]

  private static let text = """
    The ship came in at dawn, 1,204 souls aboard. Nobody had seen such sails before: red as rust!
    "Where from?" asked the harbour master. — Ça ne vous regarde pas, 船が来た 🚢.

    """

  init() throws {
    var words = WordCounts()
    var text = Self.text
    text.withUTF8 { words.add($0, rule: .gpt2) }
    var trainer = VocabularyTrainer(words)
    let tokenizer = try trainer.train(size: 290)
    self.tokenizer = try tokenizer.json()

    func config(_ family: ModelFamily, hidden: Int) -> ModelConfig {
      ModelConfig(
        family: family, hiddenSize: hidden, intermediateSize: 96, layerCount: 1, headCount: 2,
        keyValueHeadCount: 1, headSize: 16, vocabularySize: 300,
        queryKeyValueBias: family == .qwen2, maximumPositions: 64, bosID: 0, eosIDs: [0])
    }
    let small = config(.llama, hidden: 32)
    self.config = small.json()
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for tensor in small.tensors {
      writer.add(tensor.name, Self.values(tensor), shape: tensor.shape, as: .bf16)
    }
    weights = writer.bytes()
    var scaled = config(.llama, hidden: 32)
    scaled.ropeScaling = .llama3(
      factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 32)
    ggufs = try [
      (config(.qwen2, hidden: 32), .q8), (scaled, .q4), (config(.qwen3, hidden: 256), .q4KM),
      (config(.llama, hidden: 256), .q5KM), (small, .f16),
    ].map { config, type in
      let source = Source(config: config)
      let export = try GGUFExport(config: config, type: type)
      var bytes = export.layout(tokenizer: try tokenizer.ggufMetadata(count: 300)).header
      for item in export.items {
        try export.write(item, from: source, adapter: nil) { bytes += $0 }
      }
      return GGUFSpecimen(bytes)
    }
  }

  private static func values(_ tensor: TensorShape) -> [Float] {
    var random = SeededRandom(seed: 7, purpose: tensor.name)
    return (0..<tensor.shape.reduce(1, *)).map { _ in Float(random.normal()) * 0.1 }
  }

  private struct Source: TensorSource {
    let config: ModelConfig
    var names: [String] { config.tensors.map(\.name) }
    func shape(of name: String) -> [Int]? { config.tensors.first { $0.name == name }?.shape }
    func floats(of name: String) throws(FormatError) -> [Float] {
      config.tensors.first { $0.name == name }.map(Specimens.values) ?? []
    }
  }

  /// A folder in which one file is changed.
  /// - Parameter isDeep: whether what the first parse looks at stays as it is.
  func changed(
    _ kind: Kind, isDeep: Bool, _ random: inout SeededRandom
  ) throws -> [String: [UInt8]] {
    var folder = ["config.json": config, "model.safetensors": weights, "tokenizer.json": tokenizer]
    switch kind {
    case .gguf:
      let good = ggufs[random.below(ggufs.count)]
      return ["model.gguf": isDeep ? good.changedWithin(&random) : good.changed(&random)]
    case .safetensors:
      folder["model.safetensors"] =
        isDeep
        ? try SafetensorsChange.within(weights, &random)
        : try SafetensorsChange.anywhere(weights, &random)
    case .tokenizer: folder["tokenizer.json"] = try Self.json(tokenizer, isDeep, &random)
    case .config: folder["config.json"] = try Self.json(config, isDeep, &random)
    }
    return folder
  }

  private static func json(
    _ bytes: [UInt8], _ isDeep: Bool, _ random: inout SeededRandom
  ) throws -> [UInt8] {
    if !isDeep { return ByteChange.changed(bytes, &random) }
    var node = try JSONNode(parsing: bytes)
    for _ in 0...random.below(3) { node = JSONChange.changed(node, &random) }
    return node.bytes(sorted: false)
  }
}
