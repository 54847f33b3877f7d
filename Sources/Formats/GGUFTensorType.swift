/// Names the types of tensors that plm reads and writes in GGUF files.
public enum GGUFTensorType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  /// Blocks of 32 elements: a 16-bit scale and 32 signed bytes.
  case q8 = 8
  case bf16 = 30

  /// The name people know it by.
  public var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .q8: "Q8_0"
    case .bf16: "BF16"
    }
  }

  public init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// Elements in a block; rows must be a multiple of it.
  public var blockCount: Int { self == .q8 ? 32 : 1 }

  /// Bytes a block takes.
  public var blockSize: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q8: 34
    }
  }

  /// Bytes that `count` elements take.
  public func size(_ count: Int) -> Int { count / blockCount * blockSize }

  /// The bytes of values; their number must be a multiple of the block.
  public func bytes(_ values: [Float]) -> [UInt8] {
    switch self {
    case .f32: values.withUnsafeBytes { Array($0) }
    case .f16: values.map(HalfPrecision.bits).withUnsafeBytes { Array($0) }
    case .bf16: values.map(BrainFloat.bits).withUnsafeBytes { Array($0) }
    case .q8: Self.quantized(values)
    }
  }

  /// The values of bytes.
  public func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    func load<T: BitwiseCopyable>(_: T.Type, _ offset: Int) -> T {
      bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
    }
    let count = bytes.count / blockSize * blockCount
    switch self {
    case .f32: return (0..<count).map { Float(bitPattern: load(UInt32.self, $0 * 4)) }
    case .f16: return (0..<count).map { HalfPrecision.float(load(UInt16.self, $0 * 2)) }
    case .bf16: return (0..<count).map { BrainFloat.float(load(UInt16.self, $0 * 2)) }
    case .q8:
      var values: [Float] = []
      values.reserveCapacity(count)
      for block in 0..<count / 32 {
        let scale = HalfPrecision.float(load(UInt16.self, block * 34))
        for at in 0..<32 { values.append(scale * Float(load(Int8.self, block * 34 + 2 + at))) }
      }
      return values
    }
  }

  /// Each block's largest magnitude becomes 127, the others what is nearest, halves away from zero
  /// (as ggml).
  private static func quantized(_ values: [Float]) -> [UInt8] {
    precondition(values.count.isMultiple(of: 32), "Q8_0 wants whole blocks")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count / 32 * 34)
    for start in stride(from: 0, to: values.count, by: 32) {
      var largest: Float = 0
      for at in start..<start + 32 { largest = max(largest, values[at].magnitude) }
      let scale = largest / 127
      let inverse = scale > 0 ? 1 / scale : 0
      let half = HalfPrecision.bits(scale)
      bytes.append(UInt8(truncatingIfNeeded: half))
      bytes.append(UInt8(truncatingIfNeeded: half >> 8))
      for at in start..<start + 32 {
        let scaled = (values[at] * inverse).rounded(.toNearestOrAwayFromZero)
        // A number that is none, or a scale too small to divide by, leaves zero.
        let level = scaled.isFinite ? Int8(max(-127, min(127, scaled))) : 0
        bytes.append(UInt8(bitPattern: level))
      }
    }
    return bytes
  }
}
