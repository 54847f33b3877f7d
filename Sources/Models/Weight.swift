import Formats
import Kernels

/// Stores where one matrix of a model lies: [rows, columns], in the type it has in its file or was
/// converted to.
struct Weight {
  let rows: Int
  let columns: Int
  let type: NumberType
  let data: UnsafeRawPointer
  /// Half a head, where rows lie in pairs (`Matrix`); else 0.
  let half: Int
  /// Keeps the memory.
  private let owner: AnyObject

  /// A matrix within floats that belong to `owner`.
  init(floats: MutableFloats, rows: Int, columns: Int, owner: FloatBuffer) {
    self.rows = rows
    self.columns = columns
    type = .f32
    data = UnsafeRawPointer(floats)
    half = 0
    self.owner = owner
  }

  /// A matrix as it lies in a file; nil if its bytes are not what the shape needs.
  init?(stored: StoredTensor, rows: Int, columns: Int) {
    let type = stored.type
    guard columns.isMultiple(of: type.blockCount), rows.isMultiple(of: max(2 * stored.half, 1)),
      let start = stored.bytes.baseAddress, stored.bytes.count == type.bytes(rows * columns)
    else { return nil }
    self.rows = rows
    self.columns = columns
    self.type = type
    data = start
    half = stored.half
    owner = stored.owner
  }

  /// A matrix of a file rounded to another type, some rows at a time; rows that are no whole blocks
  /// of it stay f32.
  init(
    rounding name: String, of source: some TensorSource, rows: Int, columns: Int,
    to type: NumberType
  ) throws(FormatError) {
    let type = columns.isMultiple(of: type.blockCount) ? type : .f32
    let bytes = ByteBuffer(count: type.bytes(rows * columns))
    for run in RowRuns.of(rows: rows, columns: columns) {
      let values = try source.floats(of: name, rows: run)
      guard values.count == run.count * columns else {
        throw .wrongShape(
          tensor: name, expected: [run.count, columns], found: [values.count / max(columns, 1)])
      }
      values.withUnsafeBufferPointer { floats in
        if let start = floats.baseAddress {
          Kernels.narrow(
            start, into: bytes.pointer + type.bytes(run.lowerBound * columns), type: type,
            count: floats.count)
        }
      }
    }
    self.rows = rows
    self.columns = columns
    self.type = type
    data = UnsafeRawPointer(bytes.pointer)
    half = 0
    owner = bytes
  }

  /// W, for products dy · W.
  var matrix: Matrix { Matrix(data, stride: columns, type: type, half: half) }

  /// Wᵀ, for products x · Wᵀ.
  var transposed: Matrix { matrix.transposed }

  /// The elements as floats, copied, row by row.
  var floats: [Float] {
    let values = [Float](unsafeUninitializedCapacity: rows * columns) { target, filled in
      if let start = target.baseAddress {
        Kernels.widen(data, type: type, into: start, count: rows * columns)
      }
      filled = rows * columns
    }
    guard half > 0 else { return values }
    return RotaryLayout.halves(values, heads: rows / (2 * half), columns: columns)
  }
}

/// Owns the bytes of a converted matrix.
private final class ByteBuffer {
  let pointer: UnsafeMutableRawPointer

  init(count: Int) {
    pointer = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
  }

  deinit { pointer.deallocate() }
}
