internal import CKernels

extension Kernels {
  /// Rounds a matrix [rows, columns] of finite numbers to a type, whose blocks divide its rows.
  ///
  /// Where a block's scale leaves a choice, the one of least error is searched; the result depends
  /// neither on the variant nor on the threads.
  /// - Parameter importance: how much the error of each column counts; of all alike if nil.
  public static func quantise(
    _ source: Floats, rows: Int, columns: Int, importance: Floats? = nil,
    into target: UnsafeMutableRawPointer, type: NumberType
  ) {
    plm_quantise(target, type.rawValue, source, Int64(rows), Int64(columns), importance)
  }

  /// The largest of the sizes of numbers; no number if one of them is none.
  public static func largestSize(_ numbers: Floats, count: Int) -> Float {
    plm_largest_size(numbers, Int64(count))
  }

  /// sums[d] += the squares of x[n, d].
  public static func addColumnSquares(
    of x: Numbers, n: Int, d: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    plm_column_squares(sums, x.pointer, x.type.rawValue, Int64(n), Int64(d))
  }
}
