internal import CKernels

/// Names the types in which numbers lie in memory.
public enum NumberType: Int32, Sendable, CaseIterable {
  case f32 = 0
  /// The upper half of an f32.
  case bf16 = 1
  /// IEEE 754 binary16.
  case f16 = 2
  /// ggml's blocks of 32: a 16-bit scale and 32 signed bytes.
  case q8 = 3
  /// ggml's blocks of 32: a 16-bit scale and 32 four-bit numbers.
  case q4 = 4
  /// Blocks of 32 like `q4`, with an offset beside the scale.
  case q41 = 5
  /// Blocks of 32: a scale and five-bit numbers; `q51` with an offset.
  case q50 = 6
  case q51 = 7
  /// ggml's blocks of 256 of four-, five- and six-bit numbers, with scales of their parts.
  case q4K = 8
  case q5K = 9
  case q6K = 10

  /// Numbers in a block; rows are whole blocks.
  public var blockCount: Int {
    switch self {
    case .f32, .bf16, .f16: 1
    case .q8, .q4, .q41, .q50, .q51: 32
    case .q4K, .q5K, .q6K: 256
    }
  }

  /// Bytes that `count` numbers take; a multiple of the block.
  public func bytes(_ count: Int) -> Int { Int(plm_bytes(rawValue, Int64(count))) }
}

/// Names what operands of products are rounded to; sums are f32 always.
public enum Precision: String, Sendable, CaseIterable {
  case f32, bf16

  /// The type activations are kept in.
  public var type: NumberType { self == .f32 ? .f32 : .bf16 }
}
