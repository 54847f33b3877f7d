internal import CKernels

// The layers' arithmetic under Swift names; shapes and formulas are in CKernels.h.
// All matrices are row-major f32; n = tokens, d = width.

public typealias Floats = UnsafePointer<Float>
public typealias MutableFloats = UnsafeMutablePointer<Float>

extension Kernels {
  /// y[n,d] = x / rms(x) · w.
  public static func rmsNorm(
    into y: MutableFloats, inverseRMS: MutableFloats?, _ x: Floats, weight: Floats, n: Int, d: Int,
    epsilon: Float
  ) {
    plm_rmsnorm_forward(y, inverseRMS, x, weight, Int64(n), Int64(d), epsilon)
  }

  /// Adds the gradient to dx, and to dw where given.
  public static func rmsNormBackward(
    dx: MutableFloats, dw: MutableFloats?, dy: Floats, x: Floats, weight: Floats,
    inverseRMS: Floats, n: Int, d: Int
  ) {
    plm_rmsnorm_backward(dx, dw, dy, x, weight, inverseRMS, Int64(n), Int64(d))
  }

  /// Rotates the heads of x[n, heads·c] in place; `direction` −1 undoes it.
  public static func rope(
    _ x: MutableFloats, table: RopeTable, positions: UnsafePointer<Int32>, n: Int, heads: Int,
    direction: Float = 1
  ) {
    plm_rope(
      x, table.cosines.pointer, table.sines.pointer, positions, Int64(n), Int64(heads),
      Int64(table.channels), Int64(heads * table.channels), direction)
  }

  /// y = silu(gate) · up.
  public static func swiglu(into y: MutableFloats, gate: Floats, up: Floats, count: Int) {
    plm_swiglu_forward(y, gate, up, Int64(count))
  }

  /// Overwrites dgate and dup, which may be gate and up themselves.
  public static func swigluBackward(
    dgate: MutableFloats, dup: MutableFloats, dy: Floats, gate: Floats, up: Floats, count: Int
  ) {
    plm_swiglu_backward(dgate, dup, dy, gate, up, Int64(count))
  }

  /// x[n,d] = table[ids[n], d].
  public static func embed(
    into x: MutableFloats, table: Floats, ids: UnsafePointer<Int32>, n: Int, d: Int
  ) {
    plm_embed_forward(x, table, ids, Int64(n), Int64(d))
  }

  /// dtable[ids[n], d] += dx[n,d].
  public static func embedBackward(
    dtable: MutableFloats, dx: Floats, ids: UnsafePointer<Int32>, n: Int, d: Int
  ) {
    plm_embed_backward(dtable, dx, ids, Int64(n), Int64(d))
  }

  /// Losses of n rows of logits[n,v]; unless `scale` is 0 the logits become their gradient.
  public static func crossEntropy(
    logits: MutableFloats, losses: MutableFloats, targets: UnsafePointer<Int32>, n: Int, v: Int,
    scale: Float
  ) {
    plm_cross_entropy(logits, losses, targets, Int64(n), Int64(v), scale)
  }

  /// x[n,d] += bias[d].
  public static func addBias(_ x: MutableFloats, bias: Floats, n: Int, d: Int) {
    plm_bias_forward(x, bias, Int64(n), Int64(d))
  }

  /// dbias[d] += Σ dx[n,d].
  public static func biasBackward(dbias: MutableFloats, dx: Floats, n: Int, d: Int) {
    plm_bias_backward(dbias, dx, Int64(n), Int64(d))
  }

  /// y += scale · x.
  public static func add(_ x: Floats, scale: Float = 1, to y: MutableFloats, count: Int) {
    plm_axpy(y, x, scale, Int64(count))
  }

  /// y *= scale.
  public static func scale(_ y: MutableFloats, by scale: Float, count: Int) {
    plm_scale(y, scale, Int64(count))
  }

  /// y = x with elements dropped with probability p, the others divided by 1 − p.
  public static func dropout(
    into y: MutableFloats, _ x: Floats, p: Float, seed: UInt64, count: Int
  ) {
    plm_dropout(y, x, p, seed, Int64(count))
  }

  /// Σ x².
  public static func sumOfSquares(_ x: Floats, count: Int) -> Double {
    plm_sum_squares(x, Int64(count))
  }

  public static func allFinite(_ x: Floats, count: Int) -> Bool {
    plm_all_finite(x, Int64(count)) != 0
  }

  public static func exp(_ x: Double) -> Double { plm_exp(x) }
  public static func log(_ x: Double) -> Double { plm_log(x) }
  public static func cos(_ x: Double) -> Double { plm_cos(x) }
}

/// Stores cosines and sines of every position's rotation, [positions, channels / 2].
public final class RopeTable {
  /// Channels of a head.
  public let channels: Int
  public let positions: Int
  let cosines: FloatBuffer
  let sines: FloatBuffer

  /// Angles as Hugging Face computes them, rounded to f32 at the same places.
  public init(positions: Int, channels: Int, theta: Double) {
    self.positions = positions
    self.channels = channels
    let half = channels / 2
    cosines = FloatBuffer(count: positions * half)
    sines = FloatBuffer(count: positions * half)
    for i in 0..<half {
      let exponent = Float(2 * i) / Float(channels)
      let frequency = 1 / Float(plm_exp(Double(exponent) * plm_log(theta)))
      for position in 0..<positions {
        let angle = Double(Float(position) * frequency)
        cosines.pointer[position * half + i] = Float(plm_cos(angle))
        sines.pointer[position * half + i] = Float(plm_sin(angle))
      }
    }
  }
}

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
  public static func attention(
    into o: MutableFloats, logSum: MutableFloats?, q: Floats, k: Floats, v: Floats,
    starts: [Int32], shape: AttentionShape
  ) {
    plm_attention_forward(
      o, logSum, q, k, v, starts, Int64(starts.count - 1), Int64(shape.heads), Int64(shape.groups),
      Int64(shape.channels), Int64(shape.heads * shape.channels),
      Int64(shape.groups * shape.channels))
  }

  /// Overwrites dq, dk and dv.
  public static func attentionBackward(
    dq: MutableFloats, dk: MutableFloats, dv: MutableFloats, do dO: Floats, o: Floats,
    logSum: Floats, q: Floats, k: Floats, v: Floats, starts: [Int32], shape: AttentionShape
  ) {
    plm_attention_backward(
      dq, dk, dv, dO, o, logSum, q, k, v, starts, Int64(starts.count - 1), Int64(shape.heads),
      Int64(shape.groups), Int64(shape.channels), Int64(shape.heads * shape.channels),
      Int64(shape.groups * shape.channels))
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
}
