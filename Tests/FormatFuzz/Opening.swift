import Bytes
import Formats
import Kernels
import Models
import Tokenizers

/// Opens a folder as plm would, and uses a little of all that opens.
enum Opening {
  enum Outcome: CustomStringConvertible {
    /// The first look at the file, at its grammar, refused it.
    case refusedAtOnce(String)
    case refusedLater(String)
    case loaded

    var description: String {
      switch self {
      case .refusedAtOnce(let words): "refused at once: \(words)"
      case .refusedLater(let words): "refused: \(words)"
      case .loaded: "loaded"
      }
    }
  }

  static func open(_ folder: [String: [UInt8]], of kind: Specimens.Kind) -> Outcome {
    let files = folder.mapValues { MappedFile(copying: $0) }
    func map(_ path: String) throws -> MappedFile {
      guard let file = files[path] else { throw FormatError.missing(format: "folder", field: path) }
      return file
    }
    do { try parse(kind, map) } catch { return .refusedAtOnce("\(error)") }
    do {
      let paths = files.keys.sorted()
      let model = try ModelFolder(paths: paths, map: map)
      try compute(model)
      try tokenise(try TokenizerFolder.open(paths: paths, map: map))
      return .loaded
    } catch {
      return .refusedLater("\(error)")
    }
  }

  private static func parse(
    _ kind: Specimens.Kind, _ map: (String) throws -> MappedFile
  ) throws {
    switch kind {
    case .gguf: _ = try GGUFFile(map("model.gguf"))
    case .safetensors: _ = try SafetensorsFile(map("model.safetensors"))
    case .tokenizer: _ = try JSONNode(parsing: map("tokenizer.json").copied())
    case .config: _ = try JSONNode(parsing: map("config.json").copied())
    }
  }

  private static func compute(_ folder: ModelFolder) throws {
    let ids: [Int32] = [1, 2, 3].filter { $0 < folder.config.vocabularySize }
    for holding in [LanguageModel.Holding.asStored, .rounded(.q4)] {
      let model = try LanguageModel(folder, holding: holding)
      let batch = try Batch([TokenSample(ids: ids, labels: ids)], config: model.config)
      _ = Network(model).losses(batch)
    }
    let export = try GGUFExport(config: folder.config, type: .q4KM)
    for item in export.items {
      try export.write(item, from: folder.tensors, adapter: nil) { _ in }
    }
  }

  private static func tokenise(_ tokenizer: any Tokenizer) throws {
    let ids = tokenizer.encode("The ship, 12 sails — ça 船!\n\n  <|endoftext|>", specials: true)
    _ = tokenizer.decode(ids)
    for id in [-1, 0, 1, 289, 299, 300, Int32.max] {
      _ = tokenizer.piece(of: id)
      _ = tokenizer.bytes(of: id)
    }
    _ = try tokenizer.ggufMetadata(count: 300)
  }
}
