import Kernels

/// Names the types of tensors that plm reads and writes in GGUF files.
public enum GGUFTensorType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  /// Blocks of 32 elements: a 16-bit scale and four-bit numbers.
  case q4 = 2
  /// Blocks of 32 elements: a 16-bit scale, a 16-bit offset and four-bit numbers.
  case q41 = 3
  /// As `q4` and `q41`, with five bits.
  case q50 = 6
  case q51 = 7
  /// Blocks of 32 elements: a 16-bit scale and 32 signed bytes.
  case q8 = 8
  /// Blocks of 256 elements in parts whose scales are themselves rounded to a few bits.
  case q4K = 12
  case q5K = 13
  case q6K = 14
  case bf16 = 30

  /// The name people know it by.
  public var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .q4: "Q4_0"
    case .q41: "Q4_1"
    case .q50: "Q5_0"
    case .q51: "Q5_1"
    case .q8: "Q8_0"
    case .q4K: "Q4_K"
    case .q5K: "Q5_K"
    case .q6K: "Q6_K"
    case .bf16: "BF16"
    }
  }

  public init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// The largest size of a number that it holds: what its levels make of the largest 16-bit scale.
  /// Types whose scales have scales are not bounded by numbers that anybody has.
  var largest: Float {
    let half: Float = 65504
    return switch self {
    case .f16, .q41, .q51: half
    case .q4: half * 8
    case .q50: half * 16
    case .q8: half * 127
    case .f32, .bf16, .q4K, .q5K, .q6K: .greatestFiniteMagnitude
    }
  }

  /// How its numbers lie in memory.
  var numbers: NumberType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .q4: .q4
    case .q41: .q41
    case .q50: .q50
    case .q51: .q51
    case .q8: .q8
    case .q4K: .q4K
    case .q5K: .q5K
    case .q6K: .q6K
    case .bf16: .bf16
    }
  }

  /// Elements in a block; rows must be a multiple of it.
  public var blockCount: Int { numbers.blockCount }

  /// Bytes that `count` elements take.
  public func size(_ count: Int) -> Int { numbers.bytes(count) }

  /// The bytes of a matrix of finite values; its rows must be whole blocks.
  /// - Parameters:
  ///   - columns: elements of a row; all of them if nil.
  ///   - importance: how much the error of each column counts, [columns]; of all alike if nil.
  public func bytes(
    _ values: [Float], columns: Int? = nil, importance: [Float]? = nil
  ) -> [UInt8] {
    let columns = columns ?? values.count
    precondition(
      values.count.isMultiple(of: max(columns, 1)) && columns.isMultiple(of: blockCount),
      "\(name) wants whole rows of whole blocks")
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    let size = size(values.count)
    return [UInt8](unsafeUninitializedCapacity: size) { target, filled in
      values.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress, let to = target.baseAddress, columns > 0 else {
          return
        }
        func quantise(_ importance: UnsafePointer<Float>?) {
          Kernels.quantise(
            from, rows: source.count / columns, columns: columns, importance: importance,
            into: to, type: numbers)
        }
        if let importance {
          importance.withUnsafeBufferPointer { quantise($0.baseAddress) }
        } else {
          quantise(nil)
        }
      }
      filled = size
    }
  }

  /// The values of bytes.
  public func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] { numbers.floats(bytes) }
}

extension NumberType {
  /// The values of bytes.
  func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    let count = count(ofBytes: bytes.count)
    return [Float](unsafeUninitializedCapacity: count) { target, filled in
      if count > 0, let from = bytes.baseAddress, let to = target.baseAddress {
        Kernels.widen(from, type: self, into: to, count: count)
      }
      filled = count
    }
  }

  /// How many numbers so many bytes hold.
  func count(ofBytes bytes: Int) -> Int { bytes / self.bytes(blockCount) * blockCount }
}
