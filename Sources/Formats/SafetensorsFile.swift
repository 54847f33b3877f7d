public import Bytes

/// Stores the header of a safetensors file, every claim of it checked against the file's length.
public struct SafetensorsFile: TensorSource {
  /// The names of the tensors, sorted.
  public let names: [String]
  /// The free texts of `__metadata__`.
  public let metadata: [String: String]
  private let tensors: [String: TensorView]
  private static let format = "safetensors file"
  /// The reference implementation refuses longer headers too.
  private static let longestHeader = 100_000_000

  /// Whether a file begins as one of this format does: with the length of a header in JSON.
  static func isSafetensors(_ file: MappedFile) -> Bool {
    guard file.count > 8, file.bytes[8] == UInt8(ascii: "{") else { return false }
    return UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self)) <= UInt64(file.count - 8)
  }

  /// Reads the header; the tensors stay where they are.
  public init(_ file: MappedFile) throws(FormatError) {
    let total = file.count
    guard total >= 8 else {
      throw .truncated(format: Self.format, part: "length of header", needed: 8, available: total)
    }
    let claimed = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
    guard claimed <= UInt64(Self.longestHeader) else {
      throw .invalid(format: Self.format, field: "length of header", found: "\(claimed)")
    }
    let length = Int(claimed)
    guard length <= total - 8 else {
      throw .truncated(format: Self.format, part: "header", needed: length, available: total - 8)
    }
    let header = try JSONNode(
      parsing: UnsafeRawBufferPointer(rebasing: file.bytes[8..<8 + length]),
      format: "safetensors header")
    guard let members = header.members else {
      throw .invalid(format: Self.format, field: "header", found: "no JSON object")
    }
    let data = UnsafeRawBufferPointer(rebasing: file.bytes[(8 + length)...])
    var tensors: [String: TensorView] = [:]
    var ranges: [(name: String, range: Range<Int>)] = []
    var metadata: [String: String] = [:]
    for member in members {
      if member.name == "__metadata__" {
        metadata = try Self.metadata(member.value)
        continue
      }
      let (view, range) = try Self.view(member, data: data, file: file)
      guard tensors.updateValue(view, forKey: member.name) == nil else {
        throw .invalid(format: Self.format, field: member.name, found: "named twice")
      }
      ranges.append((member.name, range))
    }
    // The format has neither overlaps nor holes.
    ranges.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = 0
    var previous = ""
    for (name, range) in ranges {
      if range.lowerBound < end {
        throw .overlapping(format: Self.format, first: previous, second: name)
      }
      guard range.lowerBound == end else {
        throw .invalid(
          format: Self.format, field: name,
          found: "\(range.lowerBound - end) unused bytes before it")
      }
      (end, previous) = (range.upperBound, name)
    }
    guard end == data.count else {
      throw .invalid(
        format: Self.format, field: "length",
        found: "\(data.count - end) bytes after the last tensor")
    }
    self.tensors = tensors
    self.metadata = metadata
    names = tensors.keys.sorted()
  }

  private static func metadata(_ node: JSONNode) throws(FormatError) -> [String: String] {
    var metadata: [String: String] = [:]
    for member in node.members ?? [] {
      guard let text = member.value.text else {
        throw .invalid(format: format, field: "__metadata__.\(member.name)", found: "not a text")
      }
      metadata[member.name] = text
    }
    return metadata
  }

  private static func view(
    _ member: JSONMember, data: UnsafeRawBufferPointer, file: MappedFile
  ) throws(FormatError) -> (TensorView, Range<Int>) {
    func wrong(_ field: String, _ found: String) -> FormatError {
      .invalid(format: format, field: "\(member.name).\(field)", found: found)
    }
    guard let typeName = member.value["dtype"]?.text else { throw wrong("dtype", "missing") }
    guard let type = ScalarType(rawValue: typeName) else {
      throw .unsupported(
        format: format, field: "\(member.name).dtype", found: typeName,
        supported: ScalarType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    guard let shapeNodes = member.value["shape"]?.elements else { throw wrong("shape", "missing") }
    var shape: [Int] = []
    var needed = type.size
    for node in shapeNodes {
      guard let size = node.int, size >= 0 else { throw wrong("shape", "\(shapeNodes)") }
      let (product, overflow) = needed.multipliedReportingOverflow(by: size)
      guard !overflow else { throw wrong("shape", "too large") }
      needed = product
      shape.append(size)
    }
    guard let offsets = member.value["data_offsets"]?.elements, offsets.count == 2,
      let start = offsets[0].int, let end = offsets[1].int, start >= 0, end >= start
    else { throw wrong("data_offsets", "not two ascending numbers") }
    guard end <= data.count else {
      throw .truncated(format: format, part: member.name, needed: end, available: data.count)
    }
    guard end - start == needed else {
      throw wrong("data_offsets", "\(end - start) bytes for a shape that needs \(needed)")
    }
    let view = TensorView(
      name: member.name, type: type, shape: shape,
      bytes: UnsafeRawBufferPointer(rebasing: data[start..<end]), file: file)
    return (view, start..<end)
  }

  /// The tensor of this name.
  public func tensor(_ name: String) throws(FormatError) -> TensorView {
    guard let view = tensors[name] else {
      throw .missing(format: Self.format, field: "tensor \(name)")
    }
    return view
  }

  public func has(_ name: String) -> Bool { tensors[name] != nil }

  public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

  public func floats(of name: String) throws(FormatError) -> [Float] {
    try tensor(name).floats()
  }

  public func floats(of name: String, rows: Range<Int>) throws(FormatError) -> [Float] {
    try tensor(name).floats(rows: rows)
  }

  /// A tensor that does not start where numbers of its type may is read as floats instead.
  public func stored(_ name: String) -> StoredTensor? {
    guard let view = tensors[name], let type = view.numbers,
      UInt(bitPattern: view.bytes.baseAddress).isMultiple(of: UInt(view.type.size))
    else { return nil }
    return StoredTensor(type: type, bytes: view.bytes, owner: view.file)
  }
}
