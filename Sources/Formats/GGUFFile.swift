public import Bytes
import Kernels

/// Stores the header of a GGUF file (version 2 or 3), every claim of it checked against the file's
/// length.
public struct GGUFFile: Sendable {
  /// Where a tensor lies and what it is.
  public struct Tensor: Sendable {
    public let name: String
    /// The last dimension runs fastest, as everywhere but in GGUF itself.
    public let shape: [Int]
    public let type: GGUFTensorType
    /// Where its bytes lie in the file.
    let range: Range<Int>
  }

  public let metadata: [String: GGUFValue]
  /// The names of the tensors in the order of the file.
  public let names: [String]
  private let tensors: [String: Tensor]
  private let file: MappedFile
  static let format = "GGUF file"
  static let magic: UInt32 = 0x4655_4747

  /// Whether a file says it is GGUF.
  public static func isGGUF(_ file: MappedFile) -> Bool {
    file.count >= 4 && UInt32(littleEndian: file.bytes.loadUnaligned(as: UInt32.self)) == magic
  }

  /// Reads the header; the tensors stay where they are.
  public init(_ file: MappedFile) throws(FormatError) {
    self.file = file
    var reader = GGUFHeaderReader(file.bytes)
    do {
      metadata = try reader.readMetadata()
      let list = try reader.readTensors(metadata: metadata, total: file.count)
      names = list.map(\.name)
      var tensors: [String: Tensor] = [:]
      for tensor in list {
        guard tensors.updateValue(tensor, forKey: tensor.name) == nil else {
          throw FormatError.invalid(format: Self.format, field: tensor.name, found: "named twice")
        }
      }
      self.tensors = tensors
    } catch let error as FormatError {
      throw error
    } catch let error as ByteReadError {
      throw Self.words(error)
    } catch {
      throw .invalid(format: Self.format, field: "header", found: "\(error)")
    }
    try Self.checkOverlaps(tensors)
  }

  private static func words(_ error: ByteReadError) -> FormatError {
    switch error {
    case .truncated(let offset, let needed, let available):
      .truncated(
        format: format, part: "header at byte \(offset)", needed: needed, available: available)
    case .notUTF8(let offset):
      .invalid(format: format, field: "text at byte \(offset)", found: "not UTF-8")
    }
  }

  private static func checkOverlaps(_ tensors: [String: Tensor]) throws(FormatError) {
    let sorted = tensors.values.sorted { $0.range.lowerBound < $1.range.lowerBound }
    for (first, second) in zip(sorted, sorted.dropFirst())
    where second.range.lowerBound < first.range.upperBound {
      throw .overlapping(format: format, first: first.name, second: second.name)
    }
  }

  /// What a file with nothing but a vocabulary is called.
  public static let vocabularyName = "vocabulary.gguf"

  /// A file of its own with the vocabulary and no tensors; nil if there is no vocabulary.
  public var vocabulary: [UInt8]? {
    guard metadata["tokenizer.ggml.tokens"] != nil else { return nil }
    let kept = metadata.filter { $0.key.hasPrefix("tokenizer.") }
    return GGUFLayout(
      metadata: kept.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, tensors: []
    ).header
  }

  public func has(_ name: String) -> Bool { tensors[name] != nil }

  /// The tensor of this name.
  public func tensor(_ name: String) throws(FormatError) -> Tensor {
    guard let tensor = tensors[name] else {
      throw .missing(format: Self.format, field: "tensor \(name)")
    }
    return tensor
  }

  /// The elements of a tensor as 32-bit floats.
  public func floats(of name: String) throws(FormatError) -> [Float] {
    let tensor = try tensor(name)
    return tensor.type.floats(UnsafeRawBufferPointer(rebasing: file.bytes[tensor.range]))
  }

  /// A tensor as it lies in the file.
  func stored(_ name: String) throws(FormatError) -> StoredTensor {
    let tensor = try tensor(name)
    return StoredTensor(
      type: tensor.type.numbers,
      bytes: UnsafeRawBufferPointer(rebasing: file.bytes[tensor.range]), owner: file)
  }

  /// Rows of a tensor as 32-bit floats, in the order given; what was read of the file is let go of.
  func floats(of name: String, rows: some Collection<Int>) throws(FormatError) -> [Float] {
    let tensor = try tensor(name)
    let size = tensor.range.count / max(tensor.shape.first ?? 1, 1)
    let columns = tensor.type.numbers.count(ofBytes: size)
    let matrix = UnsafeRawBufferPointer(rebasing: file.bytes[tensor.range])
    defer {
      if let first = rows.min(), let last = rows.max() {
        file.letGo(UnsafeRawBufferPointer(rebasing: matrix[first * size..<(last + 1) * size]))
      }
    }
    return [Float](unsafeUninitializedCapacity: rows.count * columns) { target, filled in
      guard let from = matrix.baseAddress, let to = target.baseAddress else { return }
      for run in runs(of: rows) {
        let count = run.count * columns
        Kernels.widen(
          from + run.lowerBound * size, type: tensor.type.numbers, into: to + filled, count: count)
        filled += count
      }
    }
  }

  /// Rows that follow one another, together.
  private func runs(of rows: some Collection<Int>) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for row in rows {
      if let last = runs.last, last.upperBound == row {
        runs[runs.count - 1] = last.lowerBound..<row + 1
      } else {
        runs.append(row..<row + 1)
      }
    }
    return runs
  }

  /// A metadata value that must be there.
  public func value(_ key: String) throws(FormatError) -> GGUFValue {
    guard let value = metadata[key] else { throw .missing(format: Self.format, field: key) }
    return value
  }

  /// A positive whole number that must be there.
  public func size(_ key: String) throws(FormatError) -> Int {
    let value = try value(key)
    guard let size = value.int, size > 0, size < 1 << 28 else {
      throw .invalid(format: Self.format, field: key, found: "\(value)")
    }
    return size
  }
}

/// Walks once over the header of a GGUF file.
private struct GGUFHeaderReader {
  private var reader: ByteReader
  private var tensorCount = 0
  /// Elements of arrays that may still come: each takes more room here than in the file.
  private var elementsLeft = 1 << 24
  private let format = GGUFFile.format

  init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

  private func wrong(_ field: String, _ found: String) -> FormatError {
    .invalid(format: format, field: field, found: found)
  }

  mutating func readMetadata() throws -> [String: GGUFValue] {
    guard try reader.read(UInt32.self) == GGUFFile.magic else { throw wrong("magic", "not GGUF") }
    let version = try reader.read(UInt32.self)
    guard version == 2 || version == 3 else {
      throw FormatError.unsupported(
        format: format, field: "version", found: "\(version)", supported: "version 2 or 3")
    }
    // No tensor takes less than 24 bytes of header, no value less than 13.
    tensorCount = try readCount("tensors", least: 24)
    let count = try readCount("values", least: 13)
    var metadata: [String: GGUFValue] = [:]
    for _ in 0..<count {
      let key = try readText()
      let value = try readValue(type: try reader.read(UInt32.self), key: key)
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw wrong(key, "given twice")
      }
    }
    return metadata
  }

  /// Reads a count that the rest of the file has room for.
  private mutating func readCount(_ what: String, least: Int) throws -> Int {
    let claimed = try reader.read(UInt64.self)
    guard claimed <= UInt64(reader.remaining / least) else {
      throw FormatError.truncated(
        format: format, part: "\(claimed) \(what)",
        needed: Int(
          clamping: claimed.multipliedReportingOverflow(by: UInt64(least)).overflow
            ? UInt64.max : claimed * UInt64(least)),
        available: reader.remaining)
    }
    return Int(claimed)
  }

  private mutating func readText() throws -> String {
    try reader.readText(try readCount("bytes of text", least: 1))
  }

  private mutating func readValue(type: UInt32, key: String) throws -> GGUFValue {
    switch type {
    case 0: .uint8(try reader.read())
    case 1: .int8(try reader.read())
    case 2: .uint16(try reader.read())
    case 3: .int16(try reader.read())
    case 4: .uint32(try reader.read())
    case 5: .int32(try reader.read())
    case 6: .float(try reader.readFloat())
    case 7: .bool(try reader.read(UInt8.self) != 0)
    case 8: .string(try readText())
    case 9: try readArray(key: key)
    case 10: .uint64(try reader.read())
    case 11: .int64(try reader.read())
    case 12: .double(try reader.readDouble())
    default: throw wrong(key, "type \(type)")
    }
  }

  private mutating func readArray(key: String) throws -> GGUFValue {
    let type = try reader.read(UInt32.self)
    let sizes: [UInt32: Int] = [
      0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 8: 8, 10: 8, 11: 8, 12: 8,
    ]
    guard let size = sizes[type] else { throw wrong(key, "array of type \(type)") }
    let count = try readCount("elements of \(key)", least: size)
    guard count <= elementsLeft else { throw wrong(key, "an array of \(count) elements") }
    elementsLeft -= count
    switch type {
    case 5: return .int32s(try (0..<count).map { _ in try reader.read(Int32.self) })
    case 6: return .floats(try (0..<count).map { _ in try reader.readFloat() })
    case 8: return .strings(try (0..<count).map { _ in try readText() })
    default:
      return .array(
        element: type, try (0..<count).map { _ in try readValue(type: type, key: key) })
    }
  }

  mutating func readTensors(
    metadata: [String: GGUFValue], total: Int
  ) throws -> [GGUFFile.Tensor] {
    let alignment = metadata["general.alignment"]?.int ?? 32
    guard alignment > 0, alignment <= 1 << 16, alignment.isMultiple(of: 8) else {
      throw wrong("general.alignment", "\(alignment)")
    }
    var claims: [(name: String, shape: [Int], type: GGUFTensorType, offset: Int, size: Int)] = []
    for _ in 0..<tensorCount {
      let name = try readText()
      let rank = try reader.read(UInt32.self)
      guard rank <= 4 else { throw wrong("\(name).dimensions", "\(rank)") }
      var shape: [Int] = []
      var count = 1
      for _ in 0..<rank {
        guard let size = Int(exactly: try reader.read(UInt64.self)), size < 1 << 40 else {
          throw wrong("\(name).shape", "too large")
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow, product < 1 << 44 else { throw wrong("\(name).shape", "too large") }
        count = product
        shape.append(size)
      }
      let number = try reader.read(UInt32.self)
      guard let type = GGUFTensorType(rawValue: number) else {
        throw FormatError.unsupported(
          format: format, field: "\(name).type", found: "\(number)",
          supported: GGUFTensorType.allCases.map(\.name).joined(separator: ", "))
      }
      guard (shape.first ?? 1).isMultiple(of: type.blockCount) else {
        throw wrong("\(name).shape", "rows of \(shape.first ?? 1) in \(type.name)")
      }
      guard let offset = Int(exactly: try reader.read(UInt64.self)), offset < 1 << 50,
        offset.isMultiple(of: alignment)
      else { throw wrong("\(name).offset", "not a multiple of \(alignment)") }
      claims.append((name, shape.reversed(), type, offset, type.size(count)))
    }
    if !claims.isEmpty || reader.offset % alignment != 0, reader.remaining > 0 {
      try reader.align(to: alignment)
    }
    let data = reader.offset
    return try claims.map { claim in
      let start = data + claim.offset
      guard start + claim.size <= total else {
        throw FormatError.truncated(
          format: format, part: claim.name, needed: claim.size,
          available: max(0, total - start))
      }
      return GGUFFile.Tensor(
        name: claim.name, shape: claim.shape, type: claim.type, range: start..<start + claim.size)
    }
  }
}
