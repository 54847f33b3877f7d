import Bytes
import Formats
import TestKit
import Testing

@testable import Tokenizers

/// What of a vocabulary of Llama's kind llama.cpp is told, and what it cannot be.
struct LlamaLikenessTests {
  private static func throughGGUF(_ tokenizer: any Tokenizer) throws -> SentencePieces {
    let metadata = try tokenizer.ggufMetadata(count: tokenizer.vocabularyCount)
    let header = GGUFLayout(metadata: metadata, tensors: []).header
    return try SentencePieces(gguf: GGUFFile(MappedFile(copying: header)))
  }

  private static func texts() throws -> [String] {
    try #require(try SchemeTests.read("texts.json").elements).compactMap(\.text)
  }

  @Test func `a SentencePiece model gives the same ids through GGUF`() throws {
    let tokenizer = try SentencePieces(model: TinySentencePiece.bytes())
    #expect(tokenizer.ggufDifference == nil)
    let again = try Self.throughGGUF(tokenizer)
    for text in try Self.texts() + ["ab  ab", " ab", "a<s>b", "a\u{2581}b"] {
      for specials in [false, true] {
        #expect(
          again.encode(text, specials: specials) == tokenizer.encode(text, specials: specials),
          "\(text.debugDescription)")
      }
    }
    #expect(tokenizer.encode(" ab").count == 2)
  }

  @Test(
    .enabled(if: SharedData.has("tokenizers/mistral/tokenizer.model.v1"), "no shared data"),
    arguments: ["tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3"])
  func `Mistral's own model gives the same ids through GGUF`(name: String) throws {
    let tokenizer = try SentencePieces(model: SharedData.bytes("tokenizers/mistral/" + name))
    #expect(tokenizer.ggufDifference == nil)
    let again = try Self.throughGGUF(tokenizer)
    for text in ["Hello  world", "<s>x</s> [INST] hi", "  ", " naïve 🙂\n\tx", "C'est déjà"] {
      #expect(
        again.encode(text, specials: true) == tokenizer.encode(text, specials: true),
        "\(text.debugDescription)")
    }
  }

  static let space = #"{"type":"Replace","pattern":{"String":" "},"content":"▁"}"#
  static let doubled = #"{"type":"Replace","pattern":{"Regex":"\\A▁"},"content":"▁▁"}"#
  static let collapsing =
    #"{"type":"Replace","pattern":{"Regex":"\\A +| +\\z"},"content":""},"#
    + #"{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}"#

  private static func metaspace(_ scheme: String, split: Bool = false) -> String {
    #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"\#(scheme)","split":\#(split)}"#
  }

  private static func likeness(
    _ normalizers: [String], _ preTokenizer: String
  ) throws -> LlamaLikeness? {
    let json =
      #"{"normalizer":{"type":"Sequence","normalizers":[\#(normalizers.joined(separator: ","))]},"#
      + #""pre_tokenizer":\#(preTokenizer)}"#
    return LlamaLikeness(try TextPipeline(JSONNode(parsing: Array(json.utf8))))
  }

  @Test func `what transformers writes of Llama's kind is as llama.cpp does it, or nearly`() throws
  {
    let prepend = #"{"type":"Prepend","prepend":"▁"}"#
    for (normalizers, preTokenizer, words) in [
      ([prepend, Self.space], "null", nil),
      ([Self.space, Self.doubled], Self.metaspace("always"), nil),
      ([Self.space], Self.metaspace("first"), "only before texts"),
      ([], Self.metaspace("first"), "only before texts"),
      ([], Self.metaspace("always"), "only where there is none"),
      ([Self.collapsing, Self.space, Self.doubled], Self.metaspace("always"), "every space"),
    ] as [([String], String, String?)] {
      let likeness = try #require(try Self.likeness(normalizers, preTokenizer))
      if let words {
        #expect(likeness.difference?.contains(words) == true, "\(normalizers) \(preTokenizer)")
      } else {
        #expect(likeness.difference == nil, "\(normalizers) \(preTokenizer)")
      }
    }
    for (normalizers, preTokenizer) in [
      ([], Self.metaspace("never")), ([], Self.metaspace("first", split: true)), ([], "null"),
      ([Self.space], "null"), ([#"{"type":"NFKC"}"#, prepend, Self.space], "null"),
      ([Self.doubled], Self.metaspace("always")),
    ] as [([String], String)] {
      #expect(
        try Self.likeness(normalizers, preTokenizer) == nil, "\(normalizers) \(preTokenizer)")
    }
  }

  @Test func `where llama.cpp gives other ids is told, and only there it does`() throws {
    let tokenizer = try SchemeTests.open("llama-first")
    #expect(tokenizer.ggufDifference != nil)
    let again = try Self.throughGGUF(tokenizer)
    #expect(again.encode("The ship") == tokenizer.encode("The ship"))
    #expect(again.encode(" The ship") != tokenizer.encode(" The ship"))
    #expect(try SchemeTests.open("llama").ggufDifference == nil)
    let collapsing = try SentencePieces(model: TinySentencePiece.bytes(dropsSpaces: true))
    #expect(collapsing.ggufDifference?.contains("every space") == true)
  }

  @Test(arguments: [("unfused", "not a piece for every byte"), ("unigram", "a unigram vocabulary")])
  func `what llama.cpp has no words for is refused with the reason`(scheme: String, words: String)
    throws
  {
    let tokenizer = try SchemeTests.open(scheme)
    let error = #expect(throws: FormatError.self) { try tokenizer.ggufMetadata(count: 1) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func `tokens of several words are found in a GGUF model's text`() throws {
    let tokenizer = try SentencePieces(
      pieces: (0..<260).map { Array("p\($0)".utf8) }, scores: Array(repeating: 0, count: 260))
    let metadata = try tokenizer.ggufMetadata(count: 261).map {
      key, value -> (key: String, value: GGUFValue) in
      switch value {
      case .strings(let names): (key: key, value: .strings(names.dropLast() + ["two words"]))
      case .int32s(let types): (key: key, value: .int32s(types.dropLast() + [4]))
      default: (key: key, value: value)
      }
    }
    let header = GGUFLayout(metadata: metadata, tensors: []).header
    let again = try SentencePieces(gguf: GGUFFile(MappedFile(copying: header)))
    #expect(again.encode("two words") == [260])
    #expect(again.decode([260]) == "two words")
  }
}
