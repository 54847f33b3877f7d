internal import CKernels

/// Stores the right-hand side B[k,n] of matrix products in the order the kernels read it.
public final class PackedMatrix {
  /// Inner dimension: rows of B.
  public let k: Int
  /// Columns of B and of the product.
  public let n: Int
  private let floats: FloatBuffer

  public init(k: Int, n: Int) {
    self.k = k
    self.n = n
    floats = FloatBuffer(count: Int(plm_packed_count(Int64(k), Int64(n))))
  }

  /// Packs B, its element (i, j) at `source[i * rowStride + j * columnStride]`.
  public func pack(_ source: UnsafePointer<Float>, rowStride: Int, columnStride: Int) {
    plm_pack(
      floats.pointer, source, Int64(k), Int64(n), Int64(rowStride), Int64(columnStride))
  }

  /// Computes C[m,n] = A[m,k] · B, or adds that to C.
  /// - Parameters:
  ///   - a: element (i, p) at `a[i * rowStride + p * columnStride]`.
  ///   - c: row-major, rows of `n` floats.
  public func multiply(
    _ a: UnsafePointer<Float>, rows m: Int, rowStride: Int, columnStride: Int = 1,
    into c: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    plm_gemm(
      Int64(m), Int64(n), Int64(k), a, Int64(rowStride), Int64(columnStride), floats.pointer, c,
      Int64(n), accumulate ? 1 : 0)
  }
}

/// Reuses one piece of memory for right-hand sides that are packed, multiplied once and forgotten.
public final class PackingSpace {
  private var floats = FloatBuffer(count: 0)

  public init() {}

  /// Computes C[m,n] = A[m,k] · B[k,n], or adds that to C; B is packed on the way.
  public func multiply(
    _ a: UnsafePointer<Float>, rows m: Int, rowStride: Int, columnStride: Int = 1,
    by b: UnsafePointer<Float>, k: Int, n: Int, bRowStride: Int, bColumnStride: Int = 1,
    into c: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    let needed = Int(plm_packed_count(Int64(k), Int64(n)))
    if floats.count < needed { floats = FloatBuffer(count: needed) }
    plm_pack(
      floats.pointer, b, Int64(k), Int64(n), Int64(bRowStride), Int64(bColumnStride))
    plm_gemm(
      Int64(m), Int64(n), Int64(k), a, Int64(rowStride), Int64(columnStride), floats.pointer, c,
      Int64(n), accumulate ? 1 : 0)
  }
}
