public import Bytes
public import Formats

extension LanguageModel {
  /// Takes the weights of an opened folder or file.
  /// - Parameter holding: how matrices are held; as they are stored, unless told otherwise.
  public convenience init(_ folder: ModelFolder, holding: Holding = .asStored) throws(FormatError) {
    try self.init(config: folder.config, source: folder.tensors, holding: holding)
  }
}

extension Adapter {
  /// Reads an adapter from PEFT's two files.
  /// - Parameters:
  ///   - paths: the files of the folder.
  ///   - base: the model that it will be used with.
  ///   - map: maps one of them.
  /// - Throws: `FormatError` if one is missing or damaged, `ModelError` if it does not fit the base.
  public convenience init(
    paths: [String], base: LanguageModel, map: (String) throws -> MappedFile
  ) throws {
    for name in [AdapterConfig.fileName, AdapterConfig.weightsName] where !paths.contains(name) {
      throw FormatError.missing(format: "adapter folder", field: name)
    }
    try self.init(
      config: AdapterConfig(json: map(AdapterConfig.fileName).copied()), base: base,
      source: SafetensorsFile(map(AdapterConfig.weightsName)))
  }
}
