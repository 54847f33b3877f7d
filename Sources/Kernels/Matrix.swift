internal import CKernels

/// Says where a matrix lies: element (i, j) at place i·stride + j, in numbers of `type`.
///
/// Where `half` is not 0, rows lie in pairs: of each 2·half of them row i and row i + half are
/// neighbours. Weights may lie so, operands and results may not.
///
/// It does not own its memory: whoever makes one sees to it that the memory outlives its use.
public struct Matrix {
  let data: UnsafeRawPointer
  let stride: Int
  let type: NumberType
  let half: Int
  let isTransposed: Bool

  public init(
    _ data: UnsafeRawPointer, stride: Int, type: NumberType = .f32, half: Int = 0,
    transposed: Bool = false
  ) {
    self.data = data
    self.stride = stride
    self.type = type
    self.half = half
    isTransposed = transposed
  }

  /// The same memory read as the transpose.
  public var transposed: Matrix {
    Matrix(data, stride: stride, type: type, half: half, transposed: !isTransposed)
  }

  var c: plm_matrix {
    plm_matrix(
      data: data, stride: Int64(stride), type: type.rawValue, transposed: isTransposed ? 1 : 0,
      half: Int64(half), first: 0)
  }
}

/// One term of a sum of products: a [m, k] times b [k, n].
public struct Term {
  let a, b: Matrix
  let k: Int

  public init(_ a: Matrix, _ b: Matrix, k: Int) {
    self.a = a
    self.b = b
    self.k = k
  }

  var c: plm_term { plm_term(a: a.c, b: b.c, k: Int64(k)) }
}

/// One product of few rows: y[m, n] (+)= scale · x[m, k] · wᵀ + bias.
public struct DotProduct {
  fileprivate let c: plm_dot_product

  /// - Parameters:
  ///   - x: [m, k], rows one after another; f32, or Q8_0 where w is of a type that
  ///     `Kernels.hasLevels`: then whole numbers are multiplied.
  ///   - w: [n, k].
  ///   - y: [m, n].
  public init(
    _ x: Matrix, _ w: Matrix, n: Int, k: Int, into y: MutableFloats, scale: Float = 1,
    bias: Floats? = nil, accumulate: Bool = false
  ) {
    c = plm_dot_product(
      y: y, stride: Int64(n), x: x.data, x_type: x.type.rawValue, accumulate: accumulate ? 1 : 0,
      w: w.c, n: Int64(n), k: Int64(k), scale: scale, bias: bias)
  }
}

extension Kernels {
  /// c[m, n] (+)= Σ terms + bias.
  /// - Parameters:
  ///   - precision: what operands are rounded to first.
  ///   - type: of c, whose rows are n long; only f32 can be added to.
  public static func product(
    _ terms: [Term], m: Int, n: Int, precision: Precision, into c: UnsafeMutableRawPointer,
    type: NumberType = .f32, accumulate: Bool = false, bias: Floats? = nil
  ) {
    let all = terms.map(\.c)
    var result = plm_result(
      c: c, stride: Int64(n), type: type.rawValue, accumulate: accumulate ? 1 : 0, bias: bias)
    plm_product(Int64(m), Int64(n), all, Int32(all.count), precision.type.rawValue, &result)
  }

  /// Whether products of rows in Q8_0 and weights of this type are of whole numbers here.
  /// - Parameter many: for many rows (`productOfLevels`), else for few (`dots`).
  public static func hasLevels(_ type: NumberType, many: Bool) -> Bool {
    plm_has_levels(type.rawValue, many ? 1 : 0) != 0
  }

  /// Whether pairs of bf16 are multiplied here, sooner than f32.
  public static var hasPairs: Bool { plm_has_pairs() != 0 }

  /// c[m, n] (+)= x[m, k] · wᵀ + bias, f32, by whole numbers: x in Q8_0, w [n, k] of a type that
  /// `hasLevels`.
  public static func productOfLevels(
    _ x: Matrix, _ w: Matrix, m: Int, n: Int, k: Int, into c: MutableFloats,
    accumulate: Bool = false, bias: Floats? = nil
  ) {
    var term = Term(x, w.transposed, k: k).c
    var result = plm_result(
      c: c, stride: Int64(n), type: NumberType.f32.rawValue, accumulate: accumulate ? 1 : 0,
      bias: bias)
    plm_product(Int64(m), Int64(n), &term, 1, NumberType.q8.rawValue, &result)
  }

  /// Computes products of m rows each, none of which reads what another writes: for few rows; reads
  /// every weight once.
  public static func dots(_ products: [DotProduct], m: Int) {
    plm_dots(products.map(\.c), Int32(products.count), Int64(m))
  }

  /// The lengths of the rows of w[rows, columns] + scale · b[rows, rank] · a[rank, columns], one row
  /// of which is formed at a time.
  /// - Parameters:
  ///   - w: no transpose.
  ///   - rank: 0 for the rows of w alone, whose lengths have the same bits in every variant.
  public static func rowNorms(
    of w: Matrix, plus b: Floats? = nil, times a: Floats? = nil, scale: Float = 1, rows: Int,
    columns: Int, rank: Int = 0, into norms: MutableFloats
  ) {
    var matrix = w.c
    plm_row_norms(norms, &matrix, a, b, scale, Int64(rows), Int64(columns), Int64(rank))
  }

  /// Converts numbers of a type to f32, exactly.
  public static func widen(
    _ source: UnsafeRawPointer, type: NumberType, into target: MutableFloats, count: Int
  ) {
    plm_widen(target, source, type.rawValue, Int64(count))
  }

  /// Rounds f32 to a type; `count` is a multiple of its block.
  public static func narrow(
    _ source: Floats, into target: UnsafeMutableRawPointer, type: NumberType, count: Int
  ) {
    plm_narrow(target, source, type.rawValue, Int64(count))
  }
}
