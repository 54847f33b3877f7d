import Bytes

/// Opens the weights of a Hugging Face folder: one safetensors file, or several with the index that
/// says which tensor lies where.
enum SafetensorsFolder {
  static let indexName = "model.safetensors.index.json"
  static let singleName = "model.safetensors"

  static func open(
    paths: [String], map: (String) throws -> MappedFile
  ) throws -> any TensorSource {
    // Folders may hold the same weights again in another layout: what is meant comes first.
    if paths.contains(singleName) { return try SafetensorsFile(try map(singleName)) }
    if paths.contains(indexName) {
      let places = try places(try map(indexName).copied())
      for file in Set(places.values).sorted() where !paths.contains(file) {
        throw FormatError.missing(format: indexName, field: "file \(file)")
      }
      return try ShardedTensors(places: places, map: map)
    }
    let files = paths.filter { $0.hasSuffix(".safetensors") && !$0.contains("/") }.sorted()
    guard !files.isEmpty else {
      throw FormatError.missing(format: "model folder", field: singleName)
    }
    var places: [String: String] = [:]
    for file in files {
      for name in try SafetensorsFile(try map(file)).names {
        if let other = places.updateValue(file, forKey: name) {
          throw FormatError.invalid(
            format: "model folder", field: name, found: "both in \(other) and in \(file)")
        }
      }
    }
    return try ShardedTensors(places: places, map: map)
  }

  /// The file of each tensor.
  private static func places(_ json: [UInt8]) throws(FormatError) -> [String: String] {
    let node = try JSONNode(parsing: json, format: indexName)
    guard let members = node["weight_map"]?.members, !members.isEmpty else {
      throw .missing(format: indexName, field: "weight_map")
    }
    var places: [String: String] = [:]
    for member in members {
      guard let file = member.value.text, file.hasSuffix(".safetensors"), !file.contains("/") else {
        throw .invalid(
          format: indexName, field: "weight_map.\(member.name)",
          found: ConfigFields.show(member.value))
      }
      guard places.updateValue(file, forKey: member.name) == nil else {
        throw .invalid(format: indexName, field: member.name, found: "given twice")
      }
    }
    return places
  }
}

/// Gives tensors that lie in several files.
private struct ShardedTensors: TensorSource {
  let names: [String]
  private let files: [String: SafetensorsFile]

  /// - Parameter places: the file of each tensor.
  init(places: [String: String], map: (String) throws -> MappedFile) throws {
    var opened: [String: SafetensorsFile] = [:]
    var files: [String: SafetensorsFile] = [:]
    for (name, path) in places.sorted(by: { $0.key < $1.key }) {
      let file = try opened[path] ?? SafetensorsFile(try map(path))
      opened[path] = file
      guard file.has(name) else {
        throw FormatError.missing(format: path, field: "tensor \(name)")
      }
      files[name] = file
    }
    self.files = files
    names = places.keys.sorted()
  }

  func shape(of name: String) -> [Int]? { files[name]?.shape(of: name) }

  private func file(_ name: String) throws(FormatError) -> SafetensorsFile {
    guard let file = files[name] else {
      throw .missing(format: "model folder", field: "tensor \(name)")
    }
    return file
  }

  func floats(of name: String) throws(FormatError) -> [Float] { try file(name).floats(of: name) }

  func floats(of name: String, rows: Range<Int>) throws(FormatError) -> [Float] {
    try file(name).floats(of: name, rows: rows)
  }

  func stored(_ name: String) -> StoredTensor? { files[name]?.stored(name) }
}
