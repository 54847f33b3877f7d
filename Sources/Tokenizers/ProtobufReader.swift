import Formats

/// Reads the fields of a Protocol Buffers message, never past its end.
struct ProtobufReader {
  enum Value {
    case integer(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private var rest: ArraySlice<UInt8>
  private let format: String

  init(_ content: ArraySlice<UInt8>, format: String) {
    rest = content
    self.format = format
  }

  /// The next field; nil at the end.
  mutating func next() throws(FormatError) -> (number: Int, value: Value)? {
    guard !rest.isEmpty else { return nil }
    let tag = try integer()
    let number = Int(truncatingIfNeeded: tag >> 3)
    guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
      throw .invalid(format: format, field: "field number", found: "\(tag >> 3)")
    }
    switch tag & 7 {
    case 0: return (number, .integer(try integer()))
    case 1: return (number, .fixed64(try fixed(8)))
    case 2:
      let count = try integer()
      guard count <= UInt64(rest.count) else {
        throw .truncated(
          format: format, part: "field \(number)", needed: Int(clamping: count),
          available: rest.count)
      }
      let content = rest.prefix(Int(count))
      rest = rest.dropFirst(Int(count))
      return (number, .bytes(content))
    case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw .invalid(format: format, field: "field \(number)", found: "wire type \(tag & 7)")
    }
  }

  private mutating func integer() throws(FormatError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else {
        throw .truncated(format: format, part: "a number", needed: 1, available: 0)
      }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw .invalid(format: format, field: "a number", found: "more than ten bytes")
  }

  private mutating func fixed(_ count: Int) throws(FormatError) -> UInt64 {
    guard rest.count >= count else {
      throw .truncated(format: format, part: "a number", needed: count, available: rest.count)
    }
    var value: UInt64 = 0
    for (place, byte) in rest.prefix(count).enumerated() {
      value |= UInt64(byte) << UInt64(8 * place)
    }
    rest = rest.dropFirst(count)
    return value
  }
}
