import Bytes
import Formats
import TestKit
import Testing

@testable import Tokenizers

/// Small tokenizers of every scheme, with the ids that Hugging Face's tokenizers and SentencePiece
/// give; `Tests/Peers/tokenizer_fixtures.py` made them.
struct SchemeTests {
  static let folder = Places.root + "/Tests/Fixtures/tokenizers/"
  static let schemes = [
    "gpt2", "roberta", "smollm", "qwen2", "llama3", "cased", "several-splits", "behaviours",
    "punctuation-1", "punctuation-2", "words", "unfused", "metaspace", "llama", "llama-first",
    "unigram", "precompiled", "sentencepiece-bpe", "sentencepiece-unigram",
  ]

  static func open(_ scheme: String) throws -> any Tokenizer {
    let name = scheme.hasPrefix("sentencepiece") ? "tokenizer.model" : "tokenizer.json"
    return try TokenizerFolder.open(paths: [name]) {
      MappedFile(copying: try Files.read(folder + scheme + "/" + $0))
    }
  }

  static func read(_ path: String) throws -> JSONNode {
    try JSONNode(parsing: Files.read(folder + path))
  }

  private static func ids(_ node: JSONNode?) -> [Int32]? {
    node?.elements?.compactMap { $0.int.flatMap { Int32(exactly: $0) } }
  }

  @Test(arguments: schemes)
  func `every text gets the ids and gives the text that its own library has`(scheme: String) throws
  {
    let tokenizer = try Self.open(scheme)
    let texts = try #require(try Self.read("texts.json").elements).compactMap(\.text)
    let expected = try Self.read(scheme + "/expected.json")
    let words = try #require(expected["words"]?.elements)
    #expect(texts.count > 150)
    #expect(words.count == texts.count)
    for (at, text) in texts.enumerated() {
      let ids = try #require(Self.ids(words[at]))
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
      let decoded = expected["decoded"]?.elements?[at].text ?? text
      #expect(
        tokenizer.decode(ids).utf8.elementsEqual(decoded.utf8), "\(text.debugDescription)")
      guard let all = expected["tokens"]?.elements else { continue }
      #expect(
        tokenizer.prefixIDs + tokenizer.encode(text, specials: true) + tokenizer.suffixIDs
          == Self.ids(all[at]) ?? ids, "\(text.debugDescription)")
    }
  }

  /// All but those that cut behind spaces.
  @Test(arguments: schemes.filter { $0 != "behaviours" && !$0.hasPrefix("punctuation") })
  func `a text that goes on from another is what it is behind it`(scheme: String) throws {
    let tokenizer = try Self.open(scheme)
    for (first, rest) in [
      ("The ship came", " in at dawn"), ("a little girl named", " Lily. She"), ("one", " two"),
    ] {
      #expect(
        tokenizer.encode(first) + tokenizer.encode(continuing: rest)
          == tokenizer.encode(first + rest), "\(rest)")
    }
    // Inside of a word nothing comes between, where a decoder does not put spaces between all.
    guard scheme != "words", scheme != "unfused" else { return }
    let parts = tokenizer.encode("un") + tokenizer.encode(continuing: "told")
    #expect(tokenizer.decode(parts).lowercased().hasSuffix("untold"), "\(parts)")
  }

  /// What is streamed may differ only where bytes are no characters.
  @Test(arguments: schemes)
  func `text that comes id by id is the text that comes at once`(scheme: String) throws {
    let tokenizer = try Self.open(scheme)
    let texts = try #require(try Self.read("texts.json").elements).compactMap(\.text)
    for text in texts {
      let ids = tokenizer.encode(text)
      let whole = tokenizer.decode(ids)
      guard !whole.unicodeScalars.contains("\u{fffd}") else { continue }
      var stream = TextStream()
      var shown = ""
      for id in ids { shown += stream.append(id, of: tokenizer) }
      shown += stream.finish()
      #expect(shown.utf8.elementsEqual(whole.utf8), "\(text.debugDescription)")
    }
  }

  @Test(arguments: ["sentencepiece-bpe", "sentencepiece-unigram"])
  func `a damaged model is refused or loads, and never crashes`(scheme: String) throws {
    let bytes = try Files.read(Self.folder + scheme + "/tokenizer.model")
    // Cut between two fields it is a whole file with fewer pieces.
    var refused = 0
    for count in stride(from: 0, to: bytes.count, by: bytes.count / 40) {
      if (try? SentencePieces(model: Array(bytes[..<count]))) == nil { refused += 1 }
    }
    #expect(refused > 25)
    var random = SeededRandom(seed: 5)
    for _ in 0..<40 {
      var changed = bytes
      for _ in 0..<8 { changed[random.below(changed.count)] = UInt8(random.below(256)) }
      if let tokenizer = try? SentencePieces(model: changed) {
        _ = tokenizer.decode(tokenizer.encode("a ﬁne day…  e\u{301} 🙂", specials: true))
      }
    }
  }

  @Test(arguments: [
    (
      #"{"type":"Split","pattern":{"Regex":"(a)\\1"},"behavior":"Isolated","invert":false}"#, #"\1"#
    ),
    (
      #"{"type":"Split","pattern":{"Regex":"\\p{Han}+"},"behavior":"Isolated","invert":false}"#,
      #"\p{Han}"#
    ),
    (
      #"{"type":"Split","pattern":{"Regex":"[a&&[b]]"},"behavior":"Isolated","invert":false}"#,
      "inside a class"
    ),
    (
      #"{"type":"Split","pattern":{"Regex":"(?<=ab)c"},"behavior":"Isolated","invert":false}"#,
      "look behind"
    ),
    (#"{"type":"UnicodeScripts"}"#, "UnicodeScripts"),
    (#"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]}"#, "Digits"),
  ])
  func `what is not known is named`(preTokenizer: String, named: String) throws {
    let node = try JSONNode(parsing: Array(preTokenizer.utf8))
    let error = #expect(throws: FormatError.self) { try PreTokenizer(node) }
    #expect(error?.description.contains(named) == true, "\(error?.description ?? "none")")
  }

  @Test func `an expression of endless repetitions is refused`() {
    let nothing = String(repeating: "(?:", count: 20) + String(repeating: "){1000}", count: 20)
    #expect(throws: PatternError.self) { try Pattern(nothing) }
    #expect(throws: PatternError.self) { try Pattern("(?:a{1000}){1000}") }
    #expect(throws: PatternError.self) { try Pattern(String(repeating: "(", count: 60_000)) }
  }

  @Test func `a file that names one huge id asks for no memory`() {
    let json = #"{"model":{"type":"BPE","vocab":{"a":16000000},"merges":[]},"pre_tokenizer":null}"#
    #expect(throws: FormatError.self) {
      try TokenizerFolder.open(paths: ["tokenizer.json"]) { _ in
        MappedFile(copying: Array(json.utf8))
      }
    }
  }

  @Test func `an expression that tries everything ends all the same`() throws {
    let pattern = try Pattern("(?:a|aa|a?)(?:(?:a{1,3}|aa)+b|(?:aa?)+c)")
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 400)
    bytes.withUnsafeBufferPointer {
      var matcher = PatternMatcher(pattern, $0)
      #expect(matcher.match(at: 0) == nil)
    }
  }

  @Test func `normal forms join and order what Swift leaves`() {
    #expect(
      NormalForm.c.applied(to: "\u{ac00}\u{11a8}").unicodeScalars.elementsEqual(
        "\u{ac01}".unicodeScalars))
    #expect(
      NormalForm.c.applied(to: "\u{1100}\u{1161}\u{11a7}").unicodeScalars.map(\.value) == [
        0xac00, 0x11a7,
      ])
    #expect(
      NormalForm.kd.applied(to: "\u{209}\u{ff9e}").unicodeScalars.map(\.value) == [
        0x69, 0x3099, 0x30f,
      ])
    // Characters that joined only after Unicode 9 stay apart, as for the peers.
    #expect(NormalForm.c.applied(to: "\u{11935}\u{11930}").unicodeScalars.count == 2)
    // A mark younger than Unicode 9 stays where it is; marks that a character becomes are put in order.
    #expect(
      NormalForm.c.applied(to: "x\u{486}\u{7fd}").unicodeScalars.map(\.value) == [
        0x78, 0x486, 0x7fd,
      ])
    #expect(
      NormalForm.c.applied(to: "\u{f73}\u{f73}").unicodeScalars.map(\.value) == [
        0xf71, 0xf71, 0xf72, 0xf72,
      ])
  }
}
