/// Says why bytes could not be read as the format they claim to be.
public enum ByteReadError: Error, Equatable, Sendable {
  /// The content ends before what is read does: where it started, how much it needed, what there is.
  case truncated(offset: Int, needed: Int, available: Int)
  /// A text that is not UTF-8.
  case notUTF8(offset: Int)
}

/// Reads little-endian values from bytes, never past their end.
public struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  /// Where the next value is read.
  public private(set) var offset: Int

  /// - Parameter bytes: must outlive the reader.
  public init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    self.bytes = bytes
    self.offset = offset
  }

  public var remaining: Int { bytes.count - offset }

  /// Reads one integer.
  public mutating func read<T: FixedWidthInteger>(_: T.Type = T.self) throws(ByteReadError) -> T {
    let start = try advance(MemoryLayout<T>.size)
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  public mutating func readFloat() throws(ByteReadError) -> Float {
    Float(bitPattern: try read(UInt32.self))
  }

  public mutating func readDouble() throws(ByteReadError) -> Double {
    Double(bitPattern: try read(UInt64.self))
  }

  /// Reads `count` bytes as a view into the content.
  public mutating func readBytes(_ count: Int) throws(ByteReadError) -> UnsafeRawBufferPointer {
    let start = try advance(count)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
  }

  public mutating func readText(_ count: Int) throws(ByteReadError) -> String {
    let start = offset
    let view = try readBytes(count)
    guard let text = String(validating: view, as: UTF8.self) else {
      throw .notUTF8(offset: start)
    }
    return text
  }

  /// Moves on to the next multiple of `alignment`.
  public mutating func align(to alignment: Int) throws(ByteReadError) {
    let excess = offset % alignment
    if excess > 0 { _ = try advance(alignment - excess) }
  }

  /// Passes over `count` bytes and returns where they start.
  private mutating func advance(_ count: Int) throws(ByteReadError) -> Int {
    guard count >= 0, count <= remaining else {
      throw .truncated(offset: offset, needed: count, available: remaining)
    }
    defer { offset += count }
    return offset
  }
}
