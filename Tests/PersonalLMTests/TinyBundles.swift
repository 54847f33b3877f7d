import Bytes
import Corpus
import Formats
import Persona
import PersonalLM
import TestKit
import Tokenizers

/// Writes bundles of a tiny model with random weights: one base, and users with adapters of their own.
struct TinyBundles {
  let folder: TemporaryFolder
  let users: [String]
  static let positions = 256

  static let text = """
    The ship came in at dawn. Nobody had seen such sails before, red as rust and patched with sacks!
    "Where from?" asked the harbour master. The men laughed; they did not know themselves.

    """

  /// A template of roles between brackets.
  static let bracketed =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"

  init(users: [String] = ["ann", "bob"], template: String? = nil) throws {
    folder = try TemporaryFolder()
    self.users = users
    let base = try Self.base(template: template)
    let listed = base.files.map {
      BundleManifest.File(path: $0.name, digest: Digest(of: $0.bytes), bytes: $0.bytes.count)
    }
    let baseFolder = BundleManifest.baseFolder(of: listed)
    for file in base.files { try write(file.bytes, "\(baseFolder)/\(file.name)") }
    for user in users {
      var files = try Self.adapter(user, base.config)
      let records = [
        Record(id: "1", text: "\(user) mended the red sails at dawn."),
        Record(id: "2", text: "The harbour was empty."),
      ]
      files.append(("index.json", try BM25Index(records).encoded()))
      for file in files { try write(file.bytes, "\(user)/\(file.name)") }
      try write(
        JSON.object([
          "format": "plm-bundle 2", "layout": "adapter",
          "files": .object(Self.list(files)),
          "base": ["name": "tiny", "files": .object(Self.list(base.files))],
        ]).bytes, "\(user)/manifest.json")
    }
  }

  var path: String { folder.path }
  func path(of user: String) -> String { "\(folder.path)/\(user)" }

  var base: String {
    folder.path + "/" + (Files.names(folder.path).first { $0.hasPrefix("base-") } ?? "")
  }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    try Files.write(bytes, to: folder(path))
  }

  private typealias File = (name: String, bytes: [UInt8])

  private static func list(_ files: [File]) -> [String: JSON] {
    Dictionary(
      files.map {
        (
          $0.name,
          ["digest": .string(Digest(of: $0.bytes).description), "bytes": .int($0.bytes.count)]
        )
      }, uniquingKeysWith: { first, _ in first })
  }

  private static func base(template: String?) throws -> (files: [File], config: ModelConfig) {
    var words = WordCounts()
    var text = Self.text
    text.withUTF8 { words.add($0, rule: .gpt2) }
    var trainer = VocabularyTrainer(words)
    let tokenizer = try trainer.train(size: 290)
    let config = ModelConfig(
      hiddenSize: 32, intermediateSize: 48, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
      headSize: 8, vocabularySize: 290, maximumPositions: positions, bosID: 0, eosIDs: [0])
    var weights = SafetensorsWriter()
    for tensor in config.tensors {
      weights.add(tensor.name, values(tensor.name, tensor.shape), shape: tensor.shape)
    }
    var files: [File] = [
      ("config.json", config.json()), ("model.safetensors", weights.bytes()),
      ("tokenizer.json", try tokenizer.json()), ("tokenizer_config.json", tokenizer.configJSON()),
    ]
    if let template { files.append(("chat_template.jinja", Array(template.utf8))) }
    return (files, config)
  }

  private static func adapter(_ user: String, _ config: ModelConfig) throws -> [File] {
    // Users of names of even length have magnitudes.
    let settings = AdapterConfig(
      rank: 2 + user.utf8.count % 3, alpha: 16, targets: ["q_proj", "v_proj", "down_proj"],
      weightDecomposed: user.utf8.count.isMultiple(of: 2))
    var factors = SafetensorsWriter()
    for layer in 0..<config.layerCount {
      for target in settings.targets {
        let (rows, columns) = config.shape(ofTarget: target)
        for (name, shape) in settings.tensors(
          layer: layer, target: target, rows: rows, columns: columns)
        {
          let isLength = shape.count == 1
          factors.add(
            name, values(user + name, shape).map { isLength ? 1.5 + $0 : $0 }, shape: shape)
        }
      }
    }
    return [
      ("adapter/adapter_config.json", settings.json()),
      ("adapter/adapter_model.safetensors", factors.bytes()),
    ]
  }

  private static func values(_ name: String, _ shape: [Int]) -> [Float] {
    var random = SeededRandom(seed: 7, purpose: name)
    return (0..<shape.reduce(1, *)).map { _ in Float(random.normal()) * 0.25 }
  }
}
