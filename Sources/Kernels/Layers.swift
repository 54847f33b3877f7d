internal import CKernels

// The layers' arithmetic under Swift names; shapes and formulas are in CKernels.h.
// All matrices are row-major; n = tokens, d = width.

public typealias Floats = UnsafePointer<Float>
public typealias MutableFloats = UnsafeMutablePointer<Float>

/// Numbers somewhere in memory, f32 or bf16.
public struct Numbers {
  public let pointer: UnsafeMutableRawPointer
  public let type: NumberType

  public init(_ buffer: NumberBuffer) {
    pointer = buffer.pointer
    type = buffer.type
  }

  public init(_ floats: MutableFloats) {
    pointer = UnsafeMutableRawPointer(floats)
    type = .f32
  }
}

extension Kernels {
  /// y[n,d] = x / rms(x) · w.
  public static func rmsNorm(
    into y: Numbers, inverseRMS: MutableFloats?, _ x: Numbers, weight: Floats, n: Int, d: Int,
    epsilon: Float
  ) {
    plm_rmsnorm_forward(
      y.pointer, y.type.rawValue, inverseRMS, x.pointer, x.type.rawValue, weight, Int64(n),
      Int64(d), epsilon)
  }

  /// Adds the gradient to dx, or overwrites it; adds to dw where given.
  public static func rmsNormBackward(
    dx: Numbers, accumulate: Bool, dw: MutableFloats?, dy: Numbers, x: Numbers, weight: Floats,
    inverseRMS: Floats, n: Int, d: Int
  ) {
    plm_rmsnorm_backward(
      dx.pointer, dx.type.rawValue, accumulate ? 1 : 0, dw, dy.pointer, dy.type.rawValue,
      x.pointer, x.type.rawValue, weight, inverseRMS, Int64(n), Int64(d))
  }

  /// Rotates the heads of x[n, heads·c] in place; `direction` −1 undoes it.
  public static func rope(
    _ x: Numbers, table: RopeTable, positions: UnsafePointer<Int32>, n: Int, heads: Int,
    direction: Float = 1
  ) {
    plm_rope(
      x.pointer, x.type.rawValue, table.cosines.pointer, table.sines.pointer, positions, Int64(n),
      Int64(heads), Int64(table.channels), direction)
  }

  /// y = silu(gate) · up, all of one type.
  public static func swiglu(into y: Numbers, gate: Numbers, up: Numbers, count: Int) {
    plm_swiglu_forward(y.pointer, gate.pointer, up.pointer, y.type.rawValue, Int64(count))
  }

  /// Overwrites dgate and dup, which may be gate and up themselves; `again`, where given, becomes
  /// silu(gate) · up. All are of one type.
  public static func swigluBackward(
    dgate: Numbers, dup: Numbers, again: Numbers?, dy: Numbers, gate: Numbers, up: Numbers,
    count: Int
  ) {
    plm_swiglu_backward(
      dgate.pointer, dup.pointer, again?.pointer, dy.pointer, gate.pointer, up.pointer,
      dgate.type.rawValue, Int64(count))
  }

  /// x[n,d] = table[ids[n]].
  public static func embed(
    into x: MutableFloats, table: Matrix, ids: UnsafePointer<Int32>, n: Int, d: Int
  ) {
    var matrix = table.c
    plm_embed_forward(x, &matrix, ids, Int64(n), Int64(d))
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

  /// dbias[d] += Σ dx[n,d].
  public static func biasBackward(dbias: MutableFloats, dx: Numbers, n: Int, d: Int) {
    plm_bias_backward(dbias, dx.pointer, dx.type.rawValue, Int64(n), Int64(d))
  }

  /// y += x, of one type.
  public static func add(_ x: Numbers, to y: Numbers, count: Int) {
    plm_add(y.pointer, x.pointer, y.type.rawValue, Int64(count))
  }

  /// y[columns, rows] += xᵀ, x[rows, columns].
  public static func addTransposed(
    _ x: Floats, rows: Int, columns: Int, to y: MutableFloats
  ) {
    plm_add_transposed(y, x, Int64(rows), Int64(columns))
  }

  /// y *= scale.
  public static func scale(_ y: Numbers, by scale: Float, count: Int) {
    plm_scale(y.pointer, y.type.rawValue, scale, Int64(count))
  }

  /// y[n,d] (+)= x · scale[d] + bias[d]; y may be x unless it is added to.
  /// - Parameters:
  ///   - scale: of each column; 1 if nil.
  ///   - bias: of each column; 0 if nil.
  public static func scaleColumns(
    into y: Numbers, accumulate: Bool = false, _ x: Numbers, scale: Floats?, bias: Floats? = nil,
    n: Int, d: Int
  ) {
    plm_scale_columns(
      y.pointer, y.type.rawValue, accumulate ? 1 : 0, x.pointer, x.type.rawValue, scale, bias,
      Int64(n), Int64(d))
  }

  /// sums[d] += scale[d] · Σ x[n,d] · y[n,d].
  public static func addColumnDots(
    of x: Numbers, _ y: Numbers, scale: Floats, n: Int, d: Int, to sums: MutableFloats
  ) {
    plm_column_dots(
      sums, scale, x.pointer, x.type.rawValue, y.pointer, y.type.rawValue, Int64(n), Int64(d))
  }

  /// y = x with elements dropped with probability p, the others divided by 1 − p; of one type.
  public static func dropout(into y: Numbers, _ x: Numbers, p: Float, seed: UInt64, count: Int) {
    plm_dropout(y.pointer, x.pointer, y.type.rawValue, p, seed, Int64(count))
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
