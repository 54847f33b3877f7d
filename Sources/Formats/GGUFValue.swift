/// Stores one value of a GGUF file's metadata.
public indirect enum GGUFValue: Equatable, Sendable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case float(Float)
  case bool(Bool)
  case string(String)
  case uint64(UInt64)
  case int64(Int64)
  case double(Double)
  case strings([String])
  case int32s([Int32])
  case floats([Float])
  case array(element: UInt32, [GGUFValue])

  /// The number by which the format names the type.
  var type: UInt32 {
    switch self {
    case .uint8: 0
    case .int8: 1
    case .uint16: 2
    case .int16: 3
    case .uint32: 4
    case .int32: 5
    case .float: 6
    case .bool: 7
    case .string: 8
    case .strings, .int32s, .floats, .array: 9
    case .uint64: 10
    case .int64: 11
    case .double: 12
    }
  }

  /// The whole number, whatever its width.
  public var int: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(value)
    default: nil
    }
  }

  public var number: Double? {
    switch self {
    case .float(let value): Double(value)
    case .double(let value): value
    default: int.map { Double($0) }
    }
  }

  /// The number somebody wrote who wrote 0.1, which 32 bits hold only nearly.
  public var decimal: Double? {
    if case .float(let value) = self { Double("\(value)") } else { number }
  }

  public var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  public var texts: [String]? {
    if case .strings(let texts) = self { texts } else { nil }
  }

  public var integers: [Int32]? {
    if case .int32s(let values) = self { values } else { nil }
  }
}
