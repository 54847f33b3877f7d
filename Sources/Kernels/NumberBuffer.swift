internal import CKernels

/// Stores activations, f32 or bf16, at a fixed, cache-line-aligned place in memory; zero at first.
public final class NumberBuffer {
  public let count: Int
  public let type: NumberType
  public let pointer: UnsafeMutableRawPointer

  public init(count: Int, type: NumberType) {
    self.count = count
    self.type = type
    let bytes = type.bytes(max(count, 1))
    pointer = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    pointer.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
  }

  /// The place of element i.
  public func pointer(at i: Int) -> UnsafeMutableRawPointer { pointer + type.bytes(i) }

  /// This buffer as a matrix of rows of `columns` elements.
  public func matrix(columns: Int) -> Matrix { Matrix(pointer, stride: columns, type: type) }

  /// The elements as floats, copied.
  public func floats(_ range: Range<Int>) -> [Float] {
    [Float](unsafeUninitializedCapacity: range.count) { target, filled in
      if let start = target.baseAddress {
        plm_widen(start, pointer(at: range.lowerBound), type.rawValue, Int64(range.count))
      }
      filled = range.count
    }
  }

  deinit { pointer.deallocate() }
}
