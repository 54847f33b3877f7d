public import Bytes
public import Formats

/// Lends the files a model is read from: those of an artifact, or of a folder on disk.
public struct ModelFiles: Sendable {
  /// The paths in it; one empty path where it is a single file.
  public let paths: [String]
  private let open: @Sendable (String) throws -> MappedFile

  public init(paths: [String], open: @escaping @Sendable (String) throws -> MappedFile) {
    self.paths = paths
    self.open = open
  }

  public func map(_ path: String) throws -> MappedFile { try open(path) }
  public func has(_ path: String) -> Bool { paths.contains(path) }

  public func bytes(_ path: String) throws -> [UInt8] {
    let file = try open(path)
    return withExtendedLifetime(file) { Array(file.bytes) }
  }
}

extension LanguageModel {
  static let weightsName = "model.safetensors"

  /// Reads a model: a Hugging Face folder, a GGUF file or a llama2.c checkpoint.
  /// - Throws: `FormatError` if it is none of these or damaged.
  public convenience init(_ files: ModelFiles) throws {
    if files.has(ModelConfig.fileName) {
      let config = try ModelConfig(json: files.bytes(ModelConfig.fileName))
      guard files.has(Self.weightsName) else {
        throw FormatError.missing(format: "model folder", field: Self.weightsName)
      }
      try self.init(config: config, source: SafetensorsFile(files.map(Self.weightsName)))
      return
    }
    guard let path = files.paths.first(where: { $0.isEmpty || $0.hasSuffix(".gguf") })
      ?? (files.paths.count == 1 ? files.paths.first : nil)
    else {
      throw FormatError.missing(format: "model folder", field: ModelConfig.fileName)
    }
    let file = try files.map(path)
    if file.count >= 4, file.bytes.prefix(4).elementsEqual("GGUF".utf8) {
      let model = try GGUFModel(file)
      try self.init(config: model.config, source: model)
    } else {
      let checkpoint = try Llama2CCheckpoint(file)
      try self.init(config: checkpoint.config, source: checkpoint)
    }
  }
}

extension Adapter {
  /// Reads an adapter from PEFT's two files.
  public convenience init(_ files: ModelFiles, base: ModelConfig) throws {
    for name in [AdapterConfig.fileName, AdapterConfig.weightsName] where !files.has(name) {
      throw FormatError.missing(format: "adapter folder", field: name)
    }
    try self.init(
      config: AdapterConfig(json: files.bytes(AdapterConfig.fileName)), base: base,
      source: SafetensorsFile(files.map(AdapterConfig.weightsName)))
  }
}
