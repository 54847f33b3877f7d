/// Says why bytes could not be read as the format they claim to be.
public enum ByteReadError: Error, Equatable, Sendable {
  /// The content ends before what is read does: where it started, how much it needed, what there is.
  case truncated(offset: Int, needed: Int, available: Int)
  /// A text that is not UTF-8.
  case notUTF8(offset: Int)
}

/// Reads little-endian values from bytes, never past their end.
///
/// Its methods are inlined where they are called from: a vocabulary is a hundred thousand values.
public struct ByteReader {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  /// Where the next value is read.
  @inlinable public var offset: Int { place }
  @usableFromInline var place: Int

  /// - Parameter bytes: must outlive the reader.
  @inlinable
  public init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    self.bytes = bytes
    place = offset
  }

  @inlinable public var remaining: Int { bytes.count - place }

  /// Reads one integer.
  @inlinable
  public mutating func read<T: FixedWidthInteger>(_: T.Type = T.self) throws(ByteReadError) -> T {
    let start = try advance(MemoryLayout<T>.size)
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  @inlinable
  public mutating func readFloat() throws(ByteReadError) -> Float {
    Float(bitPattern: try read(UInt32.self))
  }

  @inlinable
  public mutating func readDouble() throws(ByteReadError) -> Double {
    Double(bitPattern: try read(UInt64.self))
  }

  /// Reads `count` bytes as a view into the content.
  public mutating func readBytes(_ count: Int) throws(ByteReadError) -> UnsafeRawBufferPointer {
    let start = try advance(count)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
  }

  /// Reads text of `count` bytes.
  public mutating func readText(_ count: Int) throws(ByteReadError) -> String {
    let start = place
    let view = try readBytes(count).bindMemory(to: UInt8.self)
    // Most texts of a header are ASCII, and need no validation of the general kind.
    if view.allSatisfy({ $0 < 0x80 }) { return String(decoding: view, as: UTF8.self) }
    guard let text = String(validating: view, as: UTF8.self) else {
      throw .notUTF8(offset: start)
    }
    return text
  }

  /// Moves on to the next multiple of `alignment`.
  public mutating func align(to alignment: Int) throws(ByteReadError) {
    let excess = place % alignment
    if excess > 0 { _ = try advance(alignment - excess) }
  }

  /// Passes over `count` bytes and returns where they start.
  @inlinable
  mutating func advance(_ count: Int) throws(ByteReadError) -> Int {
    guard count >= 0, count <= remaining else {
      throw .truncated(offset: place, needed: count, available: remaining)
    }
    defer { place += count }
    return place
  }
}
