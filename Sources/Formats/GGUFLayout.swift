import Bytes

/// Stores the header of a GGUF file (version 3) to be; the tensors follow it one by one, padded.
public struct GGUFLayout: Sendable {
  /// A tensor to come.
  public struct Entry: Sendable {
    public let name: String
    /// The last dimension runs fastest.
    public let shape: [Int]
    public let type: GGUFTensorType

    public init(name: String, shape: [Int], type: GGUFTensorType) {
      self.name = name
      self.shape = shape
      self.type = type
    }

    /// Bytes without padding.
    public var size: Int { type.size(shape.reduce(1, *)) }
  }

  /// What the file starts with, padded to where the first tensor's bytes must follow.
  public let header: [UInt8]
  public let entries: [Entry]
  private static let alignment = 32

  public init(metadata: [(key: String, value: GGUFValue)], tensors: [Entry]) {
    entries = tensors
    var writer = ByteWriter()
    writer.write(GGUFFile.magic)
    writer.write(UInt32(3))
    writer.write(UInt64(tensors.count))
    writer.write(UInt64(metadata.count))
    for (key, value) in metadata {
      Self.write(key, to: &writer)
      writer.write(value.type)
      Self.write(value, to: &writer)
    }
    var offset = 0
    for entry in tensors {
      Self.write(entry.name, to: &writer)
      writer.write(UInt32(entry.shape.count))
      for size in entry.shape.reversed() { writer.write(UInt64(size)) }
      writer.write(entry.type.rawValue)
      writer.write(UInt64(offset))
      offset += entry.size + Self.padding(after: entry.size)
    }
    writer.align(to: Self.alignment)
    header = writer.bytes
  }

  /// The zeros that follow a tensor of so many bytes.
  public static func padding(after size: Int) -> Int {
    (alignment - size % alignment) % alignment
  }

  private static func write(_ text: String, to writer: inout ByteWriter) {
    writer.write(UInt64(text.utf8.count))
    writer.write(bytes: text.utf8)
  }

  private static func write(_ value: GGUFValue, to writer: inout ByteWriter) {
    switch value {
    case .uint8(let value): writer.write(value)
    case .int8(let value): writer.write(value)
    case .uint16(let value): writer.write(value)
    case .int16(let value): writer.write(value)
    case .uint32(let value): writer.write(value)
    case .int32(let value): writer.write(value)
    case .float(let value): writer.write(value)
    case .bool(let value): writer.write(UInt8(value ? 1 : 0))
    case .string(let text): write(text, to: &writer)
    case .uint64(let value): writer.write(value)
    case .int64(let value): writer.write(value)
    case .double(let value): writer.write(value)
    case .strings(let texts):
      writer.write(UInt32(8))
      writer.write(UInt64(texts.count))
      for text in texts { write(text, to: &writer) }
    case .int32s(let values):
      writer.write(UInt32(5))
      writer.write(UInt64(values.count))
      for value in values { writer.write(value) }
    case .floats(let values):
      writer.write(UInt32(6))
      writer.write(UInt64(values.count))
      for value in values { writer.write(value) }
    case .array(let element, let values):
      writer.write(element)
      writer.write(UInt64(values.count))
      for value in values { write(value, to: &writer) }
    }
  }

  /// The whole file, for content that fits in memory; `values` gives the elements of each tensor.
  public func bytes<E: Error>(_ values: (Entry) throws(E) -> [Float]) throws(E) -> [UInt8] {
    var content = header
    for entry in entries {
      content += entry.type.bytes(try values(entry))
      content += Array(repeating: 0, count: Self.padding(after: entry.size))
    }
    return content
  }
}
