internal import CKernels

/// Stores floats at a fixed, cache-line-aligned place in memory; zero at first.
///
/// A class, so that several owners can hold views into it. It does no locking: whoever shares one
/// between threads sees to it that nobody writes meanwhile.
public final class FloatBuffer {
  public let count: Int
  public let pointer: UnsafeMutablePointer<Float>

  public init(count: Int) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    pointer = raw.bindMemory(to: Float.self, capacity: max(count, 1))
    pointer.initialize(repeating: 0, count: max(count, 1))
  }

  /// Copies floats from memory.
  public convenience init(_ floats: [Float]) {
    self.init(count: floats.count)
    floats.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { pointer.update(from: start, count: source.count) }
    }
  }

  public func zero() { plm_zero(pointer, Int64(count)) }

  /// The floats as an array, copied.
  public var floats: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  deinit { pointer.deallocate() }
}
