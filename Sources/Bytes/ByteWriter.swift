/// Collects little-endian values into bytes.
public struct ByteWriter {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public var count: Int { bytes.count }

  public mutating func write(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  public mutating func write(_ value: Float) { write(value.bitPattern) }
  public mutating func write(_ value: Double) { write(value.bitPattern) }
  public mutating func write(bytes more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  /// Pads with zeros up to the next multiple of `alignment`.
  public mutating func align(to alignment: Int) {
    while !bytes.count.isMultiple(of: alignment) { bytes.append(0) }
  }
}
