import Bytes

/// Collects tensors and writes them as a safetensors file whose bytes depend on its content alone.
///
/// Wide elements come first, then names in order (as the reference implementation does), so that
/// every tensor is aligned for its type.
public struct SafetensorsWriter {
  private var tensors: [(name: String, type: ScalarType, shape: [Int], bytes: [UInt8])] = []
  /// The free texts of `__metadata__`.
  public var metadata: [String: String] = [:]

  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Adds a tensor of elements already in their little-endian form.
  public mutating func add(_ name: String, type: ScalarType, shape: [Int], bytes: [UInt8]) {
    precondition(
      bytes.count == shape.reduce(type.size, *), "\(name): bytes do not fit the shape \(shape)")
    tensors.append((name, type, shape, bytes))
  }

  /// Adds a tensor of floats, stored as `type` (F32, F16 or BF16).
  public mutating func add(
    _ name: String, _ values: [Float], shape: [Int], as type: ScalarType = .f32
  ) {
    switch type {
    case .f16: add(name, raw: values.map(HalfPrecision.bits), shape: shape, type: .f16)
    case .bf16: add(name, raw: values.map(BrainFloat.bits), shape: shape, type: .bf16)
    default: add(name, raw: values, shape: shape, type: .f32)
    }
  }

  public mutating func add(_ name: String, _ values: [Int32], shape: [Int]? = nil) {
    add(name, raw: values, shape: shape ?? [values.count], type: .i32)
  }

  public mutating func add(_ name: String, _ values: [Int64], shape: [Int]? = nil) {
    add(name, raw: values, shape: shape ?? [values.count], type: .i64)
  }

  private mutating func add<T: BitwiseCopyable>(
    _ name: String, raw values: [T], shape: [Int], type: ScalarType
  ) {
    add(name, type: type, shape: shape, bytes: values.withUnsafeBytes { Array($0) })
  }

  /// The whole file.
  public func bytes() -> [UInt8] {
    let layout = SafetensorsLayout(
      tensors: tensors.map { .init(name: $0.name, type: $0.type, shape: $0.shape) },
      metadata: metadata)
    var content = layout.header
    content.reserveCapacity(content.count + layout.dataSize)
    var byName: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() { byName[tensor.name] = index }
    for entry in layout.order {
      if let index = byName[entry.name] { content.append(contentsOf: tensors[index].bytes) }
    }
    return content
  }
}

/// Stores the header of a safetensors file to be, for writers that stream their tensors.
public struct SafetensorsLayout: Sendable {
  /// A tensor to come.
  public struct Entry: Sendable {
    public let name: String
    public let type: ScalarType
    public let shape: [Int]

    public init(name: String, type: ScalarType, shape: [Int]) {
      self.name = name
      self.type = type
      self.shape = shape
    }

    public var size: Int { shape.reduce(type.size, *) }
  }

  /// The tensors in the order their bytes must follow the header.
  public let order: [Entry]
  /// What the file starts with: length, JSON, spaces up to a multiple of eight.
  public let header: [UInt8]

  public init(tensors: [Entry], metadata: [String: String] = [:]) {
    order = tensors.sorted { ($1.type.size, $0.name) < ($0.type.size, $1.name) }
    var members: [JSONMember] = []
    if !metadata.isEmpty {
      members.append(
        JSONMember(
          "__metadata__",
          .object(
            metadata.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) })))
    }
    var offset = 0
    for entry in order {
      members.append(
        JSONMember(
          entry.name,
          .object([
            "dtype": .string(entry.type.rawValue),
            "shape": .array(entry.shape.map { .int($0) }),
            "data_offsets": .array([.int(offset), .int(offset + entry.size)]),
          ])))
      offset += entry.size
    }
    var json = JSONNode.object(members).bytes(sorted: false)
    while !json.count.isMultiple(of: 8) { json.append(0x20) }
    var writer = ByteWriter()
    writer.write(UInt64(json.count))
    writer.write(bytes: json)
    header = writer.bytes
  }

  /// Bytes that follow the header.
  public var dataSize: Int { order.reduce(0) { $0 + $1.size } }
}
