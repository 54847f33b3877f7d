public import Bytes

/// Stores a base model opened from a folder or file, whatever its format: Hugging Face, GGUF or
/// llama2.c.
public struct ModelFolder: Sendable {
  public let config: ModelConfig
  /// The weights under their Hugging Face names, checked against the config.
  public let tensors: any TensorSource
  /// What it was read from.
  public let format: Format

  public enum Format: String, Sendable {
    case huggingFace, gguf, llama2C
  }

  /// - Parameters:
  ///   - paths: the files of the folder; one empty path for a single file.
  ///   - map: maps one of them.
  public init(paths: [String], map: (String) throws -> MappedFile) throws {
    if paths.contains(ModelConfig.fileName) {
      let json = try map(ModelConfig.fileName).copied()
      config = try ModelConfig(json: json)
      let weights = paths.filter { $0.hasSuffix(".safetensors") && !$0.contains("/") }.sorted()
      guard !weights.isEmpty else {
        throw FormatError.missing(format: "model folder", field: "model.safetensors")
      }
      var files: [SafetensorsFile] = []
      for path in weights { files.append(try SafetensorsFile(try map(path))) }
      tensors = files.count == 1 ? files[0] : ShardedTensors(files)
      format = .huggingFace
    } else if let path = paths.first(where: { $0.hasSuffix(".gguf") && !$0.contains("adapter") }) {
      let model = try GGUFModel(try map(path))
      (config, tensors, format) = (model.config, model, .gguf)
    } else if let path = paths.count == 1 ? paths[0] : paths.first(where: Self.isCheckpoint) {
      let file = try map(path)
      if GGUFFile.isGGUF(file) {
        let model = try GGUFModel(file)
        (config, tensors, format) = (model.config, model, .gguf)
      } else {
        let model = try Llama2CCheckpoint(file)
        (config, tensors, format) = (model.config, model, .llama2C)
      }
    } else {
      throw FormatError.missing(
        format: "model folder", field: "config.json with safetensors, a .gguf or a llama2.c .bin")
    }
    try config.check(tensors)
  }

  private static func isCheckpoint(_ path: String) -> Bool {
    path.hasSuffix(".bin") && !path.hasPrefix("tok") && !path.contains("/")
  }
}

/// Gives tensors that lie in several files.
private struct ShardedTensors: TensorSource {
  let names: [String]
  private let files: [SafetensorsFile]

  init(_ files: [SafetensorsFile]) {
    self.files = files
    names = files.flatMap(\.names).sorted()
  }

  func shape(of name: String) -> [Int]? {
    files.lazy.compactMap { $0.shape(of: name) }.first
  }

  func floats(of name: String) throws(FormatError) -> [Float] {
    guard let file = files.first(where: { $0.has(name) }) else {
      throw .missing(format: "model folder", field: "tensor \(name)")
    }
    return try file.floats(of: name)
  }

  func stored(_ name: String) -> StoredTensor? {
    files.first { $0.has(name) }?.stored(name)
  }
}
