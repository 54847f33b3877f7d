public import Bytes

/// Gives the tensors of a GGUF model under their Hugging Face names, as 32-bit floats in Hugging
/// Face's layout.
public struct GGUFModel: TensorSource {
  public let config: ModelConfig
  public let names: [String]
  /// The file itself, with its metadata.
  public let file: GGUFFile
  private let shapes: [String: [Int]]

  public init(_ mapped: MappedFile) throws(FormatError) {
    try self.init(try GGUFFile(mapped))
  }

  public init(_ file: GGUFFile) throws(FormatError) {
    self.file = file
    if let parts = file.metadata["split.count"]?.int, parts > 1 {
      throw .unsupported(
        format: GGUFFile.format, field: "split.count", found: "\(parts)",
        supported: "one file; llama-gguf-split --merge puts the parts together")
    }
    config = try ModelConfig(file)
    var shapes: [String: [Int]] = [:]
    for tensor in config.tensors {
      guard let name = GGUFNames.gguf(tensor.name), file.has(name) else {
        throw .missing(
          format: GGUFFile.format, field: "tensor \(GGUFNames.gguf(tensor.name) ?? tensor.name)")
      }
      let found = try file.tensor(name).shape
      guard found == tensor.shape else {
        throw .wrongShape(tensor: name, expected: tensor.shape, found: found)
      }
      shapes[tensor.name] = tensor.shape
    }
    try Self.refuseOthers(file, config)
    self.shapes = shapes
    names = shapes.keys.sorted()
  }

  /// A tensor that the config does not lead to would be left out of the computation.
  private static func refuseOthers(
    _ file: GGUFFile, _ config: ModelConfig
  ) throws(FormatError) {
    var known = Set(config.tensors.compactMap { GGUFNames.gguf($0.name) })
    if config.family.traits.gguf == "llama" { known.insert(GGUFNames.ropeDivisors) }
    if let other = file.names.first(where: { !known.contains($0) }) {
      throw .unsupported(
        format: GGUFFile.format, field: "tensor", found: other,
        supported: "the tensors of a plain \(config.family.rawValue)")
    }
  }

  public func shape(of name: String) -> [Int]? { shapes[name] }

  public func floats(of name: String) throws(FormatError) -> [Float] {
    guard shapes[name] != nil, let own = GGUFNames.gguf(name) else {
      throw .missing(format: GGUFFile.format, field: "tensor \(name)")
    }
    let values = try file.floats(of: own)
    guard let heads = config.pairedHeads(of: name) else { return values }
    return RotaryLayout.halves(
      values, heads: heads, columns: values.count / (heads * config.headSize))
  }

  public func floats(of name: String, rows: Range<Int>) throws(FormatError) -> [Float] {
    guard shapes[name] != nil, let own = GGUFNames.gguf(name) else {
      throw .missing(format: GGUFFile.format, field: "tensor \(name)")
    }
    guard let heads = config.pairedHeads(of: name) else {
      return try file.floats(of: own, rows: rows)
    }
    let order = RotaryLayout.order(heads: heads, size: config.headSize)
    return try file.floats(of: own, rows: order[rows])
  }

  public func stored(_ name: String) -> StoredTensor? {
    guard shapes[name] != nil, let own = GGUFNames.gguf(name),
      var tensor = try? file.stored(own)
    else { return nil }
    if config.pairedHeads(of: name) != nil { tensor.half = config.headSize / 2 }
    return tensor
  }
}

extension ModelConfig {
  /// The heads of a query or key projection (weight, bias or a LoRA factor B) whose rows
  /// llama.cpp's llama architecture wants in pairs; nil for all other tensors and architectures.
  public func pairedHeads(of name: String) -> Int? {
    guard ggufArchitecture == "llama" else { return nil }
    if name.contains("self_attn.q_proj.") { return headCount }
    if name.contains("self_attn.k_proj.") { return keyValueHeadCount }
    return nil
  }

  /// The name of the architecture in GGUF.
  public var ggufArchitecture: String { family.traits.gguf }
}
