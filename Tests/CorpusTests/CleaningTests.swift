import Bytes
import Corpus
import TestKit
import Testing

@Suite struct WordRunTests {
  @Test func `case, punctuation and spaces make no difference to words`() {
    let plain = WordRuns.words("I said so: the well known tales of 1896")
    #expect(plain == WordRuns.words("  i SAID “so”—the well‑known tales,\nof\u{a0}1896."))
    #expect(plain.count == 9)
    #expect(WordRuns.words("naïve café") != WordRuns.words("naive cafe"))
    #expect(WordRuns.words("naïve café").count == 2)
    #expect(WordRuns.words("… — !").isEmpty)
  }

  @Test func `a run has one hash wherever it stands`() {
    let run = (0..<WordRuns.length).map { "word\($0)" }
    func hashes(_ words: [String]) -> [UInt64] {
      var hashes: [UInt64] = []
      WordRuns.forEach(WordRuns.words(words.joined(separator: " "))) { hashes.append($0) }
      return hashes
    }
    let alone = hashes(run)
    #expect(alone.count == 1)
    #expect(hashes(Array(run.dropLast())).isEmpty)
    let within = hashes((0..<40).map { "before\($0)" } + run + ["after"])
    #expect(within.count == 42)
    #expect(within[40] == alone[0])
    #expect(Set(within).count == 42)
    #expect(hashes(run.reversed()) != alone)
  }
}

@Suite struct CorpusCleanerTests {
  private static let tale = """
    The ferryman had counted nineteen passengers when the rope parted and the raft swung out \
    into the brown middle of the river, where nobody had ever seen the bottom.
    """

  private func words(_ name: String, _ count: Int) -> String {
    (0..<count).map { "\(name)\($0)" }.joined(separator: " ") + "."
  }

  private func cleaner(_ texts: [String] = []) throws -> CorpusCleaner {
    var avoided = AvoidedTexts()
    if !texts.isEmpty {
      try avoided.add(Array(texts.joined(separator: "\n\n").utf8), name: "users/ann.md")
    }
    return CorpusCleaner(avoiding: avoided)
  }

  @Test func `heading marks, rules and needless spaces go, the words stay`() throws {
    var cleaner = try cleaner()
    let text = "## Chapter I\n\n* * *\n\n  one  two\t three \nfour #5\n\n" + words("w", 30)
    let clean = cleaner.clean(Record(id: "a", text: text))
    #expect(clean?.text == "Chapter I\n\none two three\nfour #5\n\n" + words("w", 30))
    #expect(cleaner.counts.bareParagraphs == 1)
  }

  @Test func `what shares thirteen words with an avoided text goes, and only that`() throws {
    var cleaner = try cleaner([Self.tale])
    let quoted = "He wrote: THE RAFT swung out into the brown, middle of the river — where nobody!"
    let near = "The raft swung out into the brown middle of the sea, where somebody sang."
    let text = [words("w", 30), quoted, near].joined(separator: "\n\n")
    let clean = cleaner.clean(Record(id: "a", text: text))
    #expect(clean?.text == words("w", 30) + "\n\n" + near)
    #expect(cleaner.counts.avoidedParagraphs == 1)
    #expect(cleaner.hits == [0: 1])
  }

  @Test func `a document goes whole for its title or for most of its words`() throws {
    var cleaner = try cleaner([Self.tale, "How the River Was Crossed"])
    let body = words("w", 30)
    let kept = [
      Record(id: "a", text: body, title: "How the river was crossed!"),
      Record(id: "b", text: Self.tale + "\n\nYes, sir."),
      Record(id: "c", text: body, title: "The River"),
    ].compactMap { cleaner.clean($0) }
    #expect(kept.map(\.id) == ["c"])
    #expect(cleaner.counts.avoided == 2)
  }

  @Test func `a second copy goes, also with small changes; short speeches repeat`() throws {
    var cleaner = try cleaner()
    let long = words("v", 400)
    let kept = [Record(id: "a", text: long), Record(id: "b", text: "Once more: " + long)]
      .compactMap { cleaner.clean($0) }
    #expect(kept.map(\.id) == ["a"])
    #expect(cleaner.counts.copies == 1)
    let first = cleaner.clean(Record(id: "c", text: "“Yes,” said he.\n\n" + words("x", 50)))
    let second = cleaner.clean(Record(id: "d", text: "“Yes,” said he.\n\n" + words("y", 50)))
    #expect(first?.text.hasPrefix("“Yes") == true && second?.text.hasPrefix("“Yes") == true)
  }

  @Test func `avoided texts are found in JSON of any shape`() throws {
    var avoided = AvoidedTexts()
    try avoided.add(
      Array(#"{"golds":[{"id":"1","deep":{"output":"Five short words and one"}}]}"#.utf8),
      name: "outputs.json")
    try avoided.add(Array("{\"text\":\"\(Self.tale)\"}\nnot json\n".utf8), name: "a.jsonl")
    #expect(avoided.match(WordRuns.words("five short words, and one")) == 0)
    #expect(avoided.match(WordRuns.words("so " + Self.tale)) == 1)
    #expect(avoided.match(WordRuns.words("outputs")) == nil)
    #expect(throws: (any Error).self) { try avoided.add(Array("{".utf8), name: "broken.json") }
    // A file without an ending is what its content is.
    for (name, text) in [
      ("tests", #"{"title":"Caf\u00e9s of our old town"}"#),
      ("tasks", "{\"a\":\"Four more words and none\"}\n{\"a\":\"1\"}\n"),
      ("users", "[Illustration: a raft upon the river]"), ("poems", "[1]\n\nA text like any other"),
    ] { try avoided.add(Array(text.utf8), name: name) }
    #expect(avoided.match(WordRuns.words("cafés of our old town")) == 3)
    #expect(avoided.match(WordRuns.words("four more words and none")) == 4)
    #expect(avoided.match(WordRuns.words("illustration a raft upon the river")) == 5)
    #expect(avoided.match(WordRuns.words("a text like any other")) == 6)
  }
}

@Suite struct PosedTaskTests {
  private static let abstract = """
    We study rafts. They drift, and ropes part. We show that nineteen passengers are too many. \
    Our method counts them.
    """

  private func tasks(of record: Record, count: Int) -> [PosedTask] {
    (0..<count).map { seed in
      var random = SeededRandom(seed: UInt64(seed))
      return PosedTask(
        titled: record, title: "On Rafts", other: "On Bridges", random: &random)
    }
  }

  @Test func `a titled document gives each kind of task, in the wording it is asked in`() throws {
    let tasks = tasks(of: Record(id: "a", text: Self.abstract), count: 200)
    func first(_ kind: PosedTask.Kind) throws -> String {
      try #require(tasks.first { $0.kind == kind }).text
    }
    #expect(
      try first(.title)
        == "Generate a title for the following abstract of a paper: \(Self.abstract)\nOn Rafts")
    #expect(
      try first(.headline) == "Generate a headline for the following article: "
        + "We study rafts. They drift, and ropes part.\nOn Rafts")
    #expect(try first(.plain) == "On Rafts\n" + Self.abstract)
    #expect(
      try first(.continuation) == "Continue the following text: We study rafts. They drift, and "
        + "ropes part.\nWe show that nineteen passengers are too many. Our method counts them.")
    for choice in tasks where choice.kind == .choice {
      let isFirst = choice.text.contains("[1]: On Rafts [2]: On Bridges")
      #expect(choice.text.hasSuffix(isFirst ? "\n[1]" : "\n[2]"))
      #expect(isFirst || choice.text.contains("[1]: On Bridges [2]: On Rafts"))
    }
    #expect(Set(tasks.map(\.kind)).count == 5)
    // Two in five are titles, whatever the seed.
    #expect((60...100).contains(tasks.count { $0.kind == .title }))
  }

  @Test func `talk gives replies without the quotes, and nothing said by a narrator`() throws {
    let passage = """
      “Where does the ferry leave from tonight?”

      "It left an hour ago, from the lower bank."

      “Then I shall walk,” he said, “and be wet.”

      “You will be very wet indeed, I fear.”
      """
    let replies = (0..<50).flatMap { seed -> [PosedTask] in
      var random = SeededRandom(seed: UInt64(seed))
      return PosedTask.tasks(of: passage, random: &random)
    }.filter { $0.kind == .reply }
    #expect(
      Set(replies.map(\.text)) == [
        "Reply to the following message: Where does the ferry leave from tonight?\n"
          + "It left an hour ago, from the lower bank."
      ])
  }
}
