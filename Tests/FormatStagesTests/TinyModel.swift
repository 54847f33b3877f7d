import Bytes
import Formats
import TestKit
import Tokenizers

/// Writes a tiny model, its vocabulary and an adapter to a folder; the same ones every time.
struct TinyModel {
  let folder: TemporaryFolder
  var base: String { folder("base") }
  var adapter: String { folder("adapter") }

  static let text = """
    The ship came in at dawn. Nobody had seen such sails before, red as rust and patched with sacks!
    "Where from?" asked the harbour master. The men laughed; they did not know themselves.

    """

  /// - Parameter vocabulary: rows of the embedding.
  init(vocabulary: Int = 300, hidden: Int = 64) throws {
    folder = try TemporaryFolder()
    for path in [folder("base"), folder("adapter")] { try Files.makeFolder(path) }
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
      weights.add(tensor.name, Self.values(tensor.name, tensor.shape), shape: tensor.shape)
    }
    try Files.write(weights.bytes(), to: base + "/model.safetensors")
    try Files.write(
      "---\nlicense: apache-2.0\n---\n\n# Tiny\n", to: base + "/README.md")

    let settings = AdapterConfig(rank: 2, alpha: 4, targets: ["q_proj", "down_proj"])
    try Files.write(settings.json(), to: adapter + "/adapter_config.json")
    var factors = SafetensorsWriter()
    for target in settings.targets {
      let (rows, columns) = config.shape(ofTarget: target)
      for (factor, shape) in [("A", [2, columns]), ("B", [rows, 2])] {
        let name = AdapterConfig.tensorName(layer: 0, target: target, factor: factor)
        factors.add(name, Self.values(name, shape), shape: shape)
      }
    }
    try Files.write(factors.bytes(), to: adapter + "/adapter_model.safetensors")
  }

  static func values(_ name: String, _ shape: [Int]) -> [Float] {
    var random = SeededRandom(seed: 7, purpose: name)
    return (0..<shape.reduce(1, *)).map { _ in Float(random.normal()) * 0.125 }
  }
}
