import Bytes
import Formats
import Testing

@testable import Tokenizers

/// The tokenizer of llama2.c.
struct SentencePiecesTests {
  @Test(
    .enabled(if: SharedData.has("models/stories260k/tok512.bin"), "no shared data"),
    arguments: ["Once upon a time, there was a little girl named Lily.", "naïve 🙂", " two  spaces"])
  func `text comes back, bytes standing in for unknown characters`(text: String) throws {
    let file = MappedFile(copying: try SharedData.bytes("models/stories260k/tok512.bin"))
    let tokenizer = try SentencePieces(llama2C: file, count: 512)
    #expect(tokenizer.decode([1] + tokenizer.encode(text)) == text)
    #expect(tokenizer.vocabularyCount == 512)
  }

  @Test(.enabled(if: SharedData.has("models/stories260k/tok512.bin"), "no shared data"))
  func `the vocabulary survives the way through GGUF`() throws {
    let file = MappedFile(copying: try SharedData.bytes("models/stories260k/tok512.bin"))
    let tokenizer = try SentencePieces(llama2C: file, count: 512)
    let gguf = GGUFLayout(metadata: try tokenizer.ggufMetadata(count: 520), tensors: [])
    let again = try SentencePieces(gguf: GGUFFile(MappedFile(copying: gguf.header)))
    let text = "Once upon a time, naïve 🙂 people"
    #expect(again.vocabularyCount == 520)
    #expect(again.encode(text) == tokenizer.encode(text))
    #expect(Array(tokenizer.encode("Once upon a time")) == [403, 407, 261, 378])
  }

  @Test(arguments: [true, false])
  func `a GGUF model says whether texts begin with a token of their own`(adds: Bool) throws {
    let tokenizer = try SentencePieces(
      pieces: (0..<260).map { Array("p\($0)".utf8) }, scores: Array(repeating: 0, count: 260))
    let metadata = try tokenizer.ggufMetadata(count: 260).map { key, value in
      (key: key, value: key == "tokenizer.ggml.add_bos_token" ? .bool(adds) : value)
    }
    let header = GGUFLayout(metadata: metadata, tensors: []).header
    let again = try SentencePieces(gguf: GGUFFile(MappedFile(copying: header)))
    #expect(again.prefixIDs == (adds ? [1] : []) && again.bosID == 1)
  }

  @Test func `a file cut short is refused`() {
    #expect(throws: (any Error).self) {
      try SentencePieces(llama2C: MappedFile(copying: [1, 0, 0, 0, 0, 0]), count: 300)
    }
  }
}
