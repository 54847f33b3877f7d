internal import CKernels

/// Gives the shapes of an attention call.
public struct AttentionShape: Sendable {
  /// Query heads, key/value heads, channels of a head.
  public let heads, groups, channels: Int

  public init(heads: Int, groups: Int, channels: Int) {
    self.heads = heads
    self.groups = groups
    self.channels = channels
  }
}

extension Kernels {
  /// o = causal attention within each sequence; `logSum` [n, heads] is kept for the way back.
  /// All of o, q, k and v are of one type, in which products are computed.
  public static func attention(
    into o: Numbers, logSum: MutableFloats?, q: Numbers, k: Numbers, v: Numbers,
    starts: [Int32], shape: AttentionShape
  ) {
    plm_attention_forward(
      o.pointer, logSum, q.pointer, k.pointer, v.pointer, o.type.rawValue, starts,
      Int64(starts.count - 1), Int64(shape.heads), Int64(shape.groups), Int64(shape.channels))
  }

  /// Overwrites dq, dk and dv.
  public static func attentionBackward(
    dq: Numbers, dk: Numbers, dv: Numbers, do dO: Numbers, o: Numbers, logSum: Floats, q: Numbers,
    k: Numbers, v: Numbers, starts: [Int32], shape: AttentionShape
  ) {
    plm_attention_backward(
      dq.pointer, dk.pointer, dv.pointer, dO.pointer, o.pointer, logSum, q.pointer, k.pointer,
      v.pointer, o.type.rawValue, starts, Int64(starts.count - 1), Int64(shape.heads),
      Int64(shape.groups), Int64(shape.channels))
  }

  /// Attention of one new token per sequence with its cache of `lengths[s]` rows.
  public static func attentionDecode(
    into o: MutableFloats, q: Floats, keys: [Floats?], values: [Floats?], lengths: [Int32],
    shape: AttentionShape
  ) {
    plm_attention_decode(
      o, q, keys, values, lengths, Int64(lengths.count), Int64(shape.heads), Int64(shape.groups),
      Int64(shape.channels))
  }

  /// Causal attention of the newest tokens of each sequence with its cache of `lengths[s]` rows,
  /// theirs included; rows `starts[s]..<starts[s + 1]` of o and q are those of sequence s.
  /// - Parameter precision: what operands of products are rounded to.
  public static func attentionCached(
    into o: MutableFloats, q: Floats, keys: [Floats?], values: [Floats?], starts: [Int32],
    lengths: [Int32], shape: AttentionShape, precision: Precision
  ) {
    plm_attention_cached(
      o, q, keys, values, starts, lengths, Int64(lengths.count), Int64(shape.heads),
      Int64(shape.groups), Int64(shape.channels), precision.type.rawValue)
  }
}
