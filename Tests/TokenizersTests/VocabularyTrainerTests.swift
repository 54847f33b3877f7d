import Bytes
import Formats
import Testing

@testable import Tokenizers

/// Learning a vocabulary from words.
struct VocabularyTrainerTests {
  static let text =
    "the cat sat on the mat. The cats' hats: that's that, aaaa aaa aa 1915 1916!\n\n"

  static func trained(_ text: String, size: Int) throws -> ByteLevelBPE {
    var counts = WordCounts()
    var text = text
    text.withUTF8 { counts.add($0, rule: .gpt2) }
    var trainer = VocabularyTrainer(counts)
    return try trainer.train(size: size)
  }

  @Test func `the first merge joins the most frequent pair, the lowest ids among equals`() throws {
    let tokenizer = try Self.trained("ab ab cd cd", size: 258)
    // "ab" and " cd": each pair twice; but a-b is seen once bare and once behind a space.
    let first = try #require(tokenizer.merges.first)
    #expect(tokenizer.piece(of: first.left) + tokenizer.piece(of: first.right) == "ab")
  }

  @Test func `id 0 ends texts and the bytes follow in GPT-2's order`() throws {
    let tokenizer = try Self.trained(Self.text, size: 300)
    #expect(tokenizer.piece(of: 0) == "<|endoftext|>")
    #expect(tokenizer.bytes(of: 0) == [])
    #expect(tokenizer.bytes(of: 1) == [UInt8(ascii: "!")])
    #expect((1...256).map { tokenizer.bytes(of: Int32($0))[0] } == ByteAlphabet.order)
    #expect(tokenizer.eosIDs == [0])
  }

  @Test func `training twice gives the same vocabulary`() throws {
    let text = String(repeating: Self.text, count: 5)
    let both = try (Self.trained(text, size: 320).json(), Self.trained(text, size: 320).json())
    #expect(both.0 == both.1)
  }

  @Test func `any text survives encoding and decoding`() throws {
    let tokenizer = try Self.trained(String(repeating: Self.text, count: 3), size: 310)
    for text in ["", " ", "\n\n\n", "naïve 日本語 🙂\u{0}", "the cat", "<|endoftext|>", "  a  b  "] {
      #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    }
  }

  @Test func `what is written is read back`() throws {
    let tokenizer = try Self.trained(String(repeating: Self.text, count: 3), size: 310)
    let again = try ByteLevelBPE(json: try tokenizer.json(), config: tokenizer.configJSON())
    #expect(again.encode(Self.text) == tokenizer.encode(Self.text))
    #expect(again.bosID == 0)
    #expect(again.eosIDs == [0])
    #expect(try again.json() == tokenizer.json())
  }

  @Test func `long words take the same merges as short ones`() throws {
    let tokenizer = try Self.trained(String(repeating: Self.text, count: 3), size: 310)
    // Words of one letter merge from the left, whatever their length.
    for count in [3, 20, 47, 48, 49, 50, 51, 200, 5000] {
      let ids = tokenizer.encode(String(repeating: "a", count: count))
      #expect(tokenizer.decode(ids).utf8.count == count)
      let long = tokenizer.pieces.map(\.count)[Int(ids[0])]
      #expect(ids.dropLast(3).allSatisfy { $0 == ids[0] } || count < 48, "\(long)")
    }
  }
}

/// Vocabularies that other programs read.
struct VocabularyFileTests {
  @Test func `the vocabulary survives the way through GGUF`() throws {
    let text = VocabularyTrainerTests.text
    let tokenizer = try VocabularyTrainerTests.trained(String(repeating: text, count: 3), size: 300)
    let gguf = GGUFLayout(metadata: try tokenizer.ggufMetadata(count: 310), tensors: [])
    let again = try ByteLevelBPE(gguf: GGUFFile(MappedFile(copying: gguf.header)))
    #expect(again.vocabularyCount == 310)
    #expect(again.encode(text) == tokenizer.encode(text))
    #expect(again.eosIDs == [0])
    #expect(again.bytes(of: 305) == [])
  }

  @Test func `a folder opens whatever it holds`() throws {
    let tokenizer = try VocabularyTrainerTests.trained("the cat the cat", size: 262)
    let files: [String: [UInt8]] = [
      "tokenizer.json": try tokenizer.json(), "tokenizer_config.json": tokenizer.configJSON(),
    ]
    let opened = try TokenizerFolder.open(paths: files.keys.sorted()) {
      MappedFile(copying: files[$0] ?? [])
    }
    #expect(opened.encode("the cat") == tokenizer.encode("the cat"))
    #expect(opened.separatorID == 0)
    let gguf = GGUFLayout(metadata: try tokenizer.ggufMetadata(count: 262), tensors: []).header
    let single = try TokenizerFolder.open(paths: [""]) { _ in MappedFile(copying: gguf) }
    #expect(single.encode("the cat") == tokenizer.encode("the cat"))
    #expect(throws: FormatError.self) {
      try TokenizerFolder.open(paths: ["config.json"]) { _ in MappedFile(copying: []) }
    }
  }

  @Test(arguments: [
    #"{"model":{"type":"WordPiece","vocab":{}}}"#, #"{"model":{"vocab":{"a":0},"merges":[]}}"#,
    #"{"model":{"byte_fallback":true,"vocab":{}}}"#, "{}",
    #"{"model":{"vocab":{"a":99999999999}},"pre_tokenizer":{"type":"ByteLevel"}}"#,
    #"{"model":{"vocab":{"a":0}},"pre_tokenizer":{"type":"ByteLevel"},"normalizer":{"type":"BertNormalizer"}}"#,
  ])
  func `what cannot be computed is refused`(json: String) {
    #expect(throws: (any Error).self) { try ByteLevelBPE(json: Array(json.utf8)) }
  }
}
