public import Bytes

/// Stores a base model opened from a folder or file, whatever its format: Hugging Face, GGUF or
/// llama2.c.
public struct ModelFolder: Sendable {
  public let config: ModelConfig
  /// The weights under their Hugging Face names, checked against the config.
  public let tensors: any TensorSource
  /// What it was read from.
  public let format: Format

  /// The GGUF file it was read from, with its metadata; nil for other formats.
  public var gguf: GGUFFile? { (tensors as? GGUFModel)?.file }

  public enum Format: String, Sendable {
    case huggingFace, gguf, llama2C
  }

  /// - Parameters:
  ///   - paths: the files of the folder; one empty path for a single file.
  ///   - map: maps one of them.
  public init(paths: [String], map: (String) throws -> MappedFile) throws {
    if paths.contains(ModelConfig.fileName) {
      var config = try ModelConfig(json: try map(ModelConfig.fileName).copied())
      if paths.contains(ModelConfig.generationName) {
        try config.addEnds(generation: try map(ModelConfig.generationName).copied())
      }
      tensors = try SafetensorsFolder.open(paths: paths, map: map)
      try config.untie(where: tensors)
      self.config = config
      format = .huggingFace
    } else if let path = paths.first(where: { $0.hasSuffix(".gguf") && !$0.contains("adapter") }) {
      let model = try GGUFModel(try map(path))
      (config, tensors, format) = (model.config, model, .gguf)
    } else if let path = paths.count == 1 ? paths[0] : paths.first(where: Self.isCheckpoint) {
      let file = try map(path)
      if GGUFFile.isGGUF(file) {
        let model = try GGUFModel(file)
        (config, tensors, format) = (model.config, model, .gguf)
      } else if SafetensorsFile.isSafetensors(file) {
        throw FormatError.weightsAlone(file: path)
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

  /// Whether a file of a model's folder holds weights, or says where they are.
  public static func isWeights(_ path: String) -> Bool {
    if path == GGUFFile.vocabularyName { return false }
    return [".safetensors", ".safetensors.index.json", ".gguf"].contains { path.hasSuffix($0) }
      || path.isEmpty || isCheckpoint(path)
  }

  private static func isCheckpoint(_ path: String) -> Bool {
    path.hasSuffix(".bin") && !path.hasPrefix("tok") && !path.contains("/")
  }
}
