import Bytes
import Testing

@testable import Formats

/// Checkpoints of llama2.c.
struct Llama2CTests {
  static let dimensions: [Int32] = [8, 12, 2, 2, 1, 5, 4]

  /// A checkpoint whose tensors, in the order of the file, are filled with rising numbers.
  static func legacy(shared: Bool) -> [UInt8] {
    var writer = ByteWriter()
    for (place, value) in dimensions.enumerated() {
      writer.write(place == 5 && !shared ? -value : value)
    }
    let counts = [40, 16, 128, 64, 64, 128, 16, 192, 192, 192, 8, 16] + (shared ? [] : [40])
    var value: Float = 0
    for count in counts {
      for _ in 0..<count {
        writer.write(value)
        value += 1
      }
    }
    return writer.bytes
  }

  @Test(arguments: [true, false])
  func `the tensors of a legacy checkpoint lie where they should`(shared: Bool) throws {
    let file = try Llama2CCheckpoint(MappedFile(copying: Self.legacy(shared: shared)))
    #expect(file.config.tiedEmbeddings == shared)
    #expect(file.config.keyValueHeadCount == 1)
    #expect(try file.floats(of: "model.embed_tokens.weight").prefix(2) == [0, 1])
    #expect(
      try file.floats(of: "model.layers.1.self_attn.v_proj.weight").first == 40 + 16 + 128 + 64 + 32
    )
    // Pairs become halves: the second row of a head was its third.
    let query = try file.floats(of: "model.layers.0.self_attn.q_proj.weight")
    #expect(query[0] == 56)
    #expect(query[8] == 56 + 16)
    try file.config.check(file)
    #expect(file.names.contains("lm_head.weight") == !shared)
  }

  @Test func `a checkpoint cut short is refused`() {
    let bytes = Self.legacy(shared: true)
    for count in [0, 3, 27, 28, 100, bytes.count - 200] {
      #expect(throws: FormatError.self) {
        try Llama2CCheckpoint(MappedFile(copying: Array(bytes[..<count])))
      }
    }
  }

  @Test(arguments: 0..<7)
  func `impossible dimensions are refused`(place: Int) {
    var bytes = Self.legacy(shared: true)
    for offset in 0..<4 { bytes[place * 4 + offset] = offset == 3 ? 0x7f : 0xff }
    #expect(throws: FormatError.self) { try Llama2CCheckpoint(MappedFile(copying: bytes)) }
    for offset in 0..<4 { bytes[place * 4 + offset] = 0 }
    #expect(throws: FormatError.self) { try Llama2CCheckpoint(MappedFile(copying: bytes)) }
  }
}
