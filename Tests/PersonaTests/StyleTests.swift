import Corpus
import Persona
import Testing

struct StyleTests {
  static let calm = [
    "We walked along the river, slowly, and spoke of the harvest; nobody hurried us.",
    "The river was high, and the harvest late; we spoke of it slowly, as one does.",
    "Nobody came along the road, and we walked home slowly, speaking of the river.",
    "The road home was long; we spoke, slowly, of nobody we knew, and of the late harvest.",
  ]
  private let records = calm.enumerated().map { Record(id: "\($0)", text: $1) }

  @Test func `statistics count what is there`() {
    let statistics = Style(records).statistics
    #expect(statistics.records == 4)
    #expect(statistics.sentences == 4)
    #expect(statistics.words == 61)
    #expect(statistics.wordsPerRecord.least == 14)
    #expect(statistics.marks["exclamation mark"] == 0)
    #expect(statistics.marks["semicolon"] ?? 0 > 5)
    #expect(!statistics.hasReference)
  }

  @Test func `a text in another manner is farther than one's own`() {
    let style = Style(records)
    let own = style.distance(
      of: "We spoke of the road, slowly, and the river; the harvest was late.")
    let other = style.distance(of: "OMG!!! You WON'T believe (it) #42... buy NOW?! http://x/y")
    #expect(own < 1.5)
    #expect(other > 2 * own)
    #expect(style.statistics.distances.most < other)
    #expect(style.distance(of: "").isFinite)
  }

  @Test func `typical words stand out against a reference`() {
    let reference = [
      "the": 1000, "and": 600, "we": 300, "of": 700, "was": 400, "road": 2, "late": 5,
    ]
    let words = Style(records, reference: reference).statistics.typicalWords.map(\.word)
    #expect(words.first == "slowly")
    #expect(words.contains("harvest"))
    #expect(!words.contains("the"))
  }

  @Test func `the profile goes through its files and reads well`() throws {
    let style = Style(records, reference: ["the": 10])
    let files = Dictionary(uniqueKeysWithValues: try style.encoded().map { ($0.path, $0.bytes) })
    let read = try Style(reading: { try #require(files[$0]) })
    #expect(read == style)
    let text = String(decoding: try #require(files["profile.txt"]), as: UTF8.self)
    #expect(text.hasPrefix("4 texts, 61 words"))
    #expect(text.contains("Writes more than others: "))
    #expect(text.contains("Never used: "))
  }

  @Test func `no records give a profile that says nothing`() throws {
    let style = Style([])
    #expect(style.statistics.words == 0)
    #expect(style.distance(of: "Anything.").isFinite)
    #expect(!(try style.encoded()).isEmpty)
  }

  @Test func `answers of tasks are measured, not their questions`() {
    let record = Record(
      id: "t", text: "A long article that someone else wrote.", title: "Short", task: "LaMP_4")
    #expect(Style([record]).statistics.words == 1)
  }

  @Test func `word counts are read leniently but not wrongly`() throws {
    #expect(try WordsFile.decode(Array("The\t3\nthe\t2\n\na\t1".utf8)) == ["the": 5, "a": 1])
    #expect(WordsFile.encode(["b": 1, "a": 1, "c": 5]) == Array("c\t5\na\t1\nb\t1\n".utf8))
    #expect(throws: PersonaError.format(file: "words.tsv", reason: "line 2 is no word and count")) {
      try WordsFile.decode(Array("a\t1\nb".utf8))
    }
  }
}
