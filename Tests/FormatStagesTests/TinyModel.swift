import Bytes
import Formats
import TestKit
import Tokenizers

/// Writes a tiny model, its vocabulary and an adapter to a folder; the same ones every time.
struct TinyModel {
  let folder: TemporaryFolder
  var base: String { folder("base") }
  var adapter: String { folder("adapter") }
  /// An adapter with magnitudes.
  var dora: String { folder("dora") }

  static let text = """
    The ship came in at dawn. Nobody had seen such sails before, red as rust and patched with sacks!
    "Where from?" asked the harbour master. The men laughed; they did not know themselves.

    """

  static let card = "---\nlicense: apache-2.0\n---\n\n# Tiny\n"

  /// - Parameters:
  ///   - vocabulary: rows of the embedding.
  ///   - first: the first weight of the embedding, where it is to be that.
  ///   - card: the base's README.md.
  init(
    vocabulary: Int = 300, hidden: Int = 64, first: Float? = nil, card: String = Self.card
  ) throws {
    folder = try TemporaryFolder()
    for path in ["base", "adapter", "dora"] { try Files.makeFolder(folder(path)) }
    var words = WordCounts()
    var text = Self.text
    text.withUTF8 { words.add($0, rule: .gpt2) }
    var trainer = VocabularyTrainer(words)
    let tokenizer = try trainer.train(size: 290)
    try Files.write(tokenizer.json(), to: base + "/tokenizer.json")
    try Files.write(tokenizer.configJSON(), to: base + "/tokenizer_config.json")

    let config = ModelConfig(
      hiddenSize: hidden, intermediateSize: 96, layerCount: 1, headCount: 4, keyValueHeadCount: 2,
      headSize: 16, vocabularySize: vocabulary, maximumPositions: 64, bosID: 0, eosIDs: [0])
    try Files.write(config.json(), to: base + "/config.json")
    var weights = SafetensorsWriter()
    for tensor in config.tensors {
      var values = Self.values(tensor.name, tensor.shape)
      if let first, tensor.name == "model.embed_tokens.weight" { values[0] = first }
      weights.add(tensor.name, values, shape: tensor.shape)
    }
    try Files.write(weights.bytes(), to: base + "/model.safetensors")
    try Files.write(card, to: base + "/README.md")

    var settings = AdapterConfig(rank: 2, alpha: 4, targets: ["q_proj", "down_proj"])
    try Self.write(settings, config, to: adapter)
    settings.weightDecomposed = true
    try Self.write(settings, config, to: dora)
  }

  private static func write(
    _ settings: AdapterConfig, _ config: ModelConfig, to folder: String
  ) throws {
    try Files.write(settings.json(), to: folder + "/adapter_config.json")
    var weights = SafetensorsWriter()
    for target in settings.targets {
      let (rows, columns) = config.shape(ofTarget: target)
      for tensor in settings.tensors(layer: 0, target: target, rows: rows, columns: columns) {
        // Rows of the base are about one long.
        let isLength = tensor.shape.count == 1
        weights.add(
          tensor.name, values(tensor.name, tensor.shape).map { isLength ? 1 + $0 : $0 },
          shape: tensor.shape)
      }
    }
    try Files.write(weights.bytes(), to: folder + "/adapter_model.safetensors")
  }

  static func values(_ name: String, _ shape: [Int]) -> [Float] {
    var random = SeededRandom(seed: 7, purpose: name)
    return (0..<shape.reduce(1, *)).map { _ in Float(random.normal()) * 0.125 }
  }
}
