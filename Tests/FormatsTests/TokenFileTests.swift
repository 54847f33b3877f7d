import Bytes
import Testing

@testable import Formats

/// Files of token samples.
struct TokenFileTests {
  static let samples = [
    TokenSample(ids: [0, 5, 6, 0], labels: [-100, 5, 6, 0], labelledBytes: 7),
    TokenSample(ids: [0], labels: [-100]),
    TokenSample(ids: [], labels: []),
  ]

  @Test func `samples are read back`() throws {
    let file = try TokenFile(MappedFile(copying: TokenFile.bytes(Self.samples)))
    #expect(file.samples == Self.samples)
    #expect(file.offsets == [0, 4, 5, 5])
    #expect(file[0].lossCount == 3)
  }

  @Test(arguments: [-1, Int64.max])
  func `counts of bytes that no text has are refused`(count: Int64) {
    var writer = SafetensorsWriter()
    writer.add("input_ids", [0, 1] as [Int32])
    writer.add("labels", [0, 1] as [Int32])
    writer.add("offsets", [0, 2] as [Int64])
    writer.add("bytes", [count])
    let bytes = writer.bytes()
    #expect(throws: FormatError.self) { try TokenFile(MappedFile(copying: bytes)) }
  }

  @Test func `no samples are a file too`() throws {
    #expect(try TokenFile(MappedFile(copying: TokenFile.bytes([]))).count == 0)
  }

  @Test(
    arguments: [
      ([0, 1], [0, 1], [0, 1]), ([0, 1], [0, 1], [1, 2]), ([0, 1], [0, 1], [0, 2, 1]),
      ([0, 1], [0], [0, 2]), ([0, -1], [0, -100], [0, 2]), ([0, 1], [0, 2], [0, 2]),
      ([0, 1], [0, 1], []),
    ] as [([Int32], [Int32], [Int64])])
  func `contradicting parts are refused`(ids: [Int32], labels: [Int32], offsets: [Int64]) {
    var writer = SafetensorsWriter()
    writer.add("input_ids", ids)
    writer.add("labels", labels)
    writer.add("offsets", offsets)
    let bytes = writer.bytes()
    #expect(throws: FormatError.self) { try TokenFile(MappedFile(copying: bytes)) }
  }
}
