import Bytes
import Corpus
import Testing

struct TextTests {
  @Test(arguments: [
    ("1815", "1815"), ("1815-06", "1815-06"), ("1815-6-18", "1815-06-18"),
    ("2020/02/29", "2020-02-29"), ("20200229", "2020-02-29"),
    ("2020-02-29 08:05", "2020-02-29T08:05:00"),
    ("2020-02-29T08:05:09Z", "2020-02-29T08:05:09Z"),
    ("2020-02-29T08:05:09.123Z", "2020-02-29T08:05:09Z"),
    ("2019-12-31T23:30:00-01:00", "2020-01-01T00:30:00Z"),
    ("2020-01-01T00:30:00+0200", "2019-12-31T22:30:00Z"),
  ])
  func `dates get one form`(written: String, expected: String) {
    #expect(CalendarDate.normalised(written) == expected)
  }

  @Test(arguments: [
    "", "soon", "2020-13-01", "2021-02-29", "2020-01-01T25:00", "2020-01-01x", "99",
  ])
  func `what is no date stays none`(written: String) {
    #expect(CalendarDate.normalised(written) == nil)
  }

  @Test func `numbers are years or instants`() {
    #expect(CalendarDate.normalised(1887.0) == "1887")
    #expect(CalendarDate.normalised(1_582_963_509.0) == "2020-02-29T08:05:09Z")
    #expect(CalendarDate.normalised(1_582_963_509_000.0) == "2020-02-29T08:05:09Z")
    #expect(CalendarDate.normalised(20_260_112.0) == "2026-01-12")
    #expect(CalendarDate.normalised(20_261_312.0) == "1970-08-23T12:08:32Z")
    #expect(CalendarDate.normalised(0.0) == nil)
    #expect(CalendarDate.normalised(.infinity) == nil)
  }

  @Test func `words keep inner apostrophes`() {
    #expect(Words.lowercased("Don’t stop, 'Ämne' 3x!") == ["don't", "stop", "ämne", "3x"])
    #expect(Words.lowercased(" – ").isEmpty)
  }

  @Test(arguments: [
    ("我喜欢Swift语言。", ["我", "喜", "欢", "swift", "语", "言"]),
    ("カタカナとか\u{3099}", ["カ", "タ", "カ", "ナ", "と", "か\u{3099}"]),
    ("ที่นี่ 3x", ["ที่", "นี่", "3x"]), ("ສະບາຍ", ["ສ", "ະ", "ບ", "າ", "ຍ"]),
    ("မြို့", ["မြို့"]), ("ភាសា", ["ភា", "សា"]), ("漢'字 a'b", ["漢", "字", "a'b"]),
    ("한국어 문장", ["한국어", "문장"]), ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]), ("e\u{301}tude", ["e\u{301}tude"]),
  ])
  func `characters of scripts without spaces are words of their own`(
    text: String, words: [String]
  ) {
    #expect(Words.lowercased(text) == words)
  }

  @Test(arguments: ["One. Two! \"Three?\" four\nFive", "", "no end", " lead. x", "A.\n\n\nB.  C"])
  func `sentences make up the text`(text: String) {
    #expect(Sentences.divide(text).joined() == text)
  }

  @Test func `sentences end at marks and lines`() {
    #expect(
      Sentences.divide("One. Two! \"Three?\" four 3.5\nFive")
        == ["One. ", "Two! ", "\"Three?\" four 3.5\n", "Five"])
  }

  @Test func `sentences go on after abbreviations, speech and broken lines`() {
    #expect(
      Sentences.divide(
        "Mr. J. Grey said \"No!\" to me. Then\nhe left, e.g. for St. Ives.\n- A\n- b\n\nc")
        == [
          "Mr. J. Grey said \"No!\" to me. ", "Then\nhe left, e.g. for St. Ives.\n", "- A\n",
          "- b\n\n",
          "c",
        ])
  }

  @Test(arguments: [10, 37, 100])
  func `passages hold every word`(limit: Int) {
    let text = """
      A first paragraph. It has two sentences.
      And a second line.

      Averyverylongwordthatfitsnowherebutmustnotbelostatallinanycase and more.


      Last.
      """
    let passages = Passages.cut(text, limit: limit)
    #expect(passages.allSatisfy { $0.count <= limit && !$0.isEmpty })
    let squeezed = { (text: String) in text.filter { !$0.isWhitespace } }
    #expect(squeezed(passages.joined()) == squeezed(text))
  }

  @Test func `shingles recognise copies and go through their file`() throws {
    let text = "It was the best of times, it was the worst of times, it was the age of wisdom"
    let shingles = Shingles(of: [Record(id: "a", text: text, title: "A tale")])
    #expect(shingles.share(of: text) == 1)
    #expect(shingles.share(of: "the best of times, it was") == 1)
    #expect(shingles.share(of: "a tale") == 1)
    #expect(shingles.share(of: "Nothing of that kind was ever written in this place") == 0)
    #expect(shingles.share(of: "") == 0)
    #expect(try Shingles(decoding: shingles.encoded()) == shingles)
    #expect(throws: CorpusError.self) { try Shingles(decoding: Array("{}".utf8)) }
  }

  @Test func `records and samples go through their files`() throws {
    let records = [
      Record(id: "a", date: "2020", group: "g", source: "f:1", text: "T/\u{2028}\n\"x\""),
      Record(id: "b", text: "t", title: "n", task: "LaMP_4", input: "i", output: "o"),
    ]
    let bytes = try RecordFile.encode(records)
    #expect(try RecordFile.decode(bytes) == records)
    #expect(
      String(decoding: bytes, as: UTF8.self).split(separator: "\n").last
        == #"{"group":"b","id":"b","input":"i","output":"o","source":"","task":"LaMP_4","text":"t","title":"n"}"#
    )
    let sample = Sample(
      id: "s", prompt: "p", completion: "c",
      origin: .init(
        kind: "synthetic", teacher: "m", request: Digest(of: "r"), draw: 1, examples: ["a"]),
      verdict: .rejected, reason: "length", scores: ["style": 0.25])
    #expect(try SampleFile.decode(SampleFile.encode([sample])) == [sample])
    #expect(throws: CorpusError.line(2, reason: "the field text is missing")) {
      try RecordFile.decode(Array("\n{\"id\":\"a\",\"group\":\"a\",\"source\":\"\"}".utf8))
    }
  }

  @Test func `a corpus is read work by work`() throws {
    var works: [Record] = []
    let text = Array("First\nwork.\n\u{0C}\nSecond.\n\n\u{0C}\n\u{0C}\nThird".utf8)
    try text.withUnsafeBytes { try DocumentStream.read($0, path: "b.txt") { works.append($0) } }
    #expect(works.map(\.text) == ["First\nwork.", "Second.", "Third"])
    works = []
    let lines = Array("{\"title\":\"T\",\"abstract\":\"A.\"}\nbroken\n{\"text\":\"B.\"}".utf8)
    try lines.withUnsafeBytes { try DocumentStream.read($0, path: "") { works.append($0) } }
    #expect(works.map(\.text) == ["A.", "B."])
    #expect(works[0].title == "T")
  }

  @Test(arguments: [3, 1 << 20])
  func `gzip is inflated, several members and pieces included`(pieceSize: Int) throws {
    // "hello hello hello hello\n", compressed.
    let member: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9,
      0x57, 0xc8, 0x40, 0x27, 0xb9, 0x00, 0x00, 0x88, 0x59, 0x0b, 0x18, 0x00, 0x00, 0x00,
    ]
    var whole: [UInt8] = []
    try (member + member).withUnsafeBytes { content in
      var gzip = try Gzip(content, pieceSize: pieceSize)
      while let piece = try gzip.next() { whole += piece }
    }
    #expect(
      String(decoding: whole, as: UTF8.self) == "hello hello hello hello\n"
        + "hello hello hello hello\n")
    #expect(throws: CorpusError.self) { try Gzip.inflated(member, limit: 5) }
    #expect(throws: CorpusError.self) { try Gzip.inflated(Array(member.dropLast(9)), limit: 99) }
    #expect(throws: CorpusError.self) { try Gzip.inflated([0x1f, 0x8b, 9, 9], limit: 99) }
  }
}
