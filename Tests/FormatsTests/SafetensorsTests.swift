import Bytes
import Testing

@testable import Formats

/// Safetensors files, whole and hostile.
struct SafetensorsTests {
  static func file(_ header: String, data: [UInt8] = []) -> MappedFile {
    var writer = ByteWriter()
    writer.write(UInt64(header.utf8.count))
    writer.write(bytes: header.utf8)
    writer.write(bytes: data)
    return MappedFile(copying: writer.bytes)
  }

  @Test func `what is written is read back`() throws {
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    writer.add("b", [1.5, -2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    writer.add("a", [7, 8] as [Int32])
    writer.add("wide", [9, -10] as [Int64])
    writer.add("half", [1, 0.5, -0.25], shape: [3], as: .f16)
    writer.add("brain", [1, 0.5], shape: [2], as: .bf16)
    let file = try SafetensorsFile(MappedFile(copying: writer.bytes()))
    #expect(file.names == ["a", "b", "brain", "half", "wide"])
    #expect(file.metadata == ["format": "pt"])
    #expect(try file.floats(of: "b") == [1.5, -2, 3, 4, 5, 6])
    #expect(file.shape(of: "b") == [2, 3])
    #expect(try file.tensor("a").int32s() == [7, 8])
    #expect(try file.tensor("wide").int64s() == [9, -10])
    #expect(try file.floats(of: "half") == [1, 0.5, -0.25])
    #expect(try file.floats(of: "brain") == [1, 0.5])
    #expect(throws: FormatError.self) { try file.floats(of: "a") }
    #expect(throws: FormatError.self) { try file.floats(of: "none") }
  }

  @Test func `the bytes depend on the content alone`() {
    var first = SafetensorsWriter(metadata: ["b": "2", "a": "1"])
    first.add("x", [1] as [Float], shape: [1])
    first.add("y", [2] as [Float], shape: [1])
    var second = SafetensorsWriter(metadata: ["a": "1", "b": "2"])
    second.add("y", [2] as [Float], shape: [1])
    second.add("x", [1] as [Float], shape: [1])
    #expect(first.bytes() == second.bytes())
    #expect(first.bytes().count % 8 == 0)
  }

  @Test func `an empty file of tensors is one`() throws {
    let file = try SafetensorsFile(MappedFile(copying: SafetensorsWriter().bytes()))
    #expect(file.names.isEmpty)
  }

  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,  // too few bytes for the shape
    #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,  // beyond the end
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,  // a hole before it
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,  // bytes after it
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}"#,
    #"{"a":{"shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":7}"#, "[]", "", "{", #"{"__metadata__":{"a":7}}"#,
  ])
  func `a header that lies is refused`(header: String) {
    #expect(throws: FormatError.self) {
      try SafetensorsFile(Self.file(header, data: Array(repeating: 0, count: 8)))
    }
  }

  @Test func `a length of header beyond the file is refused`() {
    for length in [1, 100_000_001, UInt64.max, UInt64(Int.max)] {
      var writer = ByteWriter()
      writer.write(UInt64(length))
      #expect(throws: FormatError.self) {
        try SafetensorsFile(MappedFile(copying: writer.bytes))
      }
    }
    #expect(throws: FormatError.self) { try SafetensorsFile(MappedFile(copying: [1, 2])) }
  }

  @Test func `every way to cut a file short is refused`() throws {
    var writer = SafetensorsWriter()
    writer.add("a", [1, 2, 3] as [Float], shape: [3])
    let bytes = writer.bytes()
    for count in bytes.indices {
      #expect(throws: FormatError.self) {
        try SafetensorsFile(MappedFile(copying: Array(bytes[..<count])))
      }
    }
  }
}
