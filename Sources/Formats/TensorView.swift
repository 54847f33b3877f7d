import Bytes
import Kernels

/// Names the type of a tensor's elements, as safetensors spells it.
public enum ScalarType: String, Sendable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"

  /// Bytes an element takes.
  public var size: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .i8, .u8, .bool: 1
    }
  }
}

/// Stores where a tensor's bytes lie in a mapped file, and what they mean.
public struct TensorView: Sendable {
  public let name: String
  public let type: ScalarType
  public let shape: [Int]
  /// The elements, little-endian, the last dimension running fastest; valid as long as this value
  /// lives.
  public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  /// Keeps the bytes mapped.
  let file: MappedFile

  init(
    name: String, type: ScalarType, shape: [Int], bytes: UnsafeRawBufferPointer, file: MappedFile
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    self.bytes = bytes
    self.file = file
  }

  /// The number of elements.
  public var count: Int { bytes.count / type.size }

  /// The elements as 32-bit floats; F16 and BF16 exactly, F64 rounded.
  public func floats() throws(FormatError) -> [Float] {
    if let numbers { return numbers.floats(bytes) }
    guard type == .f64 else { throw wrongType("F32, F16, BF16 or F64") }
    return copy(Double.self).map { Float($0) }
  }

  /// The type as products know it; nil if they do not.
  var numbers: NumberType? {
    switch type {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    default: nil
    }
  }

  /// Rows as 32-bit floats; what was read of the file is let go of.
  func floats(rows: Range<Int>) throws(FormatError) -> [Float] {
    let size = bytes.count / max(shape.first ?? 1, 1)
    let part = TensorView(
      name: name, type: type, shape: [rows.count] + shape.dropFirst(),
      bytes: UnsafeRawBufferPointer(
        rebasing: bytes[rows.lowerBound * size..<rows.upperBound * size]), file: file)
    defer { file.letGo(part.bytes) }
    return try part.floats()
  }

  /// The elements as 32-bit integers; wider ones must fit.
  public func int32s() throws(FormatError) -> [Int32] {
    if type == .i32 { return copy(Int32.self) }
    let wide = try int64s()
    var narrow: [Int32] = []
    narrow.reserveCapacity(wide.count)
    for value in wide {
      guard let fits = Int32(exactly: value) else {
        throw .invalid(format: "tensor", field: name, found: "\(value), beyond 32 bits")
      }
      narrow.append(fits)
    }
    return narrow
  }

  /// The elements as 64-bit integers.
  public func int64s() throws(FormatError) -> [Int64] {
    switch type {
    case .i64: copy(Int64.self)
    case .i32: copy(Int32.self).map { Int64($0) }
    case .i16: copy(Int16.self).map { Int64($0) }
    case .i8: copy(Int8.self).map { Int64($0) }
    case .u8, .bool: copy(UInt8.self).map { Int64($0) }
    case .u16: copy(UInt16.self).map { Int64($0) }
    case .u32: copy(UInt32.self).map { Int64($0) }
    default: throw wrongType("an integer type")
    }
  }

  private func wrongType(_ expected: String) -> FormatError {
    .wrongType(tensor: name, expected: expected, found: type.rawValue)
  }

  private func copy<T: BitwiseCopyable>(_: T.Type) -> [T] {
    [T](unsafeUninitializedCapacity: count) { target, filled in
      UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
      filled = count
    }
  }
}

/// Gives tensors under their Hugging Face names, whatever file they come from.
public protocol TensorSource: Sendable {
  /// The names of all tensors, sorted.
  var names: [String] { get }
  /// The shape of a tensor; nil if there is none of this name.
  func shape(of name: String) -> [Int]?
  /// The elements of a tensor as 32-bit floats, the last dimension running fastest.
  func floats(of name: String) throws(FormatError) -> [Float]
  /// Some rows of a tensor of at least one dimension, as 32-bit floats: for what is too large to be
  /// held whole. What was read of a mapped file is let go of.
  func floats(of name: String, rows: Range<Int>) throws(FormatError) -> [Float]
  /// The tensor as it lies in its file; nil if it lies in another order, or in a type that is only
  /// read as floats.
  func stored(_ name: String) -> StoredTensor?
}

extension TensorSource {
  public func stored(_ name: String) -> StoredTensor? { nil }

  public func floats(of name: String, rows: Range<Int>) throws(FormatError) -> [Float] {
    let all = try floats(of: name)
    let size = all.count / max(shape(of: name)?.first ?? 1, 1)
    return Array(all[rows.lowerBound * size..<rows.upperBound * size])
  }

}

/// Cuts a matrix into runs of rows that are handled one after another, so that no more than a few
/// megabytes of it are held as floats.
public enum RowRuns {
  /// - Parameter unit: each run is a multiple of so many rows.
  public static func of(rows: Int, columns: Int, unit: Int = 1) -> [Range<Int>] {
    let step = max(1, (1 << 20) / max(columns * unit, 1)) * unit
    return stride(from: 0, to: rows, by: step).map { $0..<min($0 + step, rows) }
  }
}
