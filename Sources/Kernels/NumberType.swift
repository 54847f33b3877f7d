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

  /// Numbers in a block; rows are whole blocks.
  public var blockCount: Int { self == .q8 || self == .q4 ? 32 : 1 }

  /// Bytes that `count` numbers take; a multiple of the block.
  public func bytes(_ count: Int) -> Int { Int(plm_bytes(rawValue, Int64(count))) }
}

/// Names what operands of products are rounded to; sums are f32 always.
public enum Precision: String, Sendable, CaseIterable {
  case f32, bf16

  /// The type activations are kept in.
  public var type: NumberType { self == .f32 ? .f32 : .bf16 }
}
