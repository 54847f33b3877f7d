import Corpus
import Testing

/// What is broken or unusual in a user's files, and must not cost them the rest.
struct RepairTests {
  private func file(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, bytes: Array(text.utf8))
  }

  @Test(arguments: [
    "---\naliases: [one,\n  two]\ndate: 2020-01-01\n---\n",
    "---\nsummary: |\n  several lines\n\n  of words: all of them\ndate: 2020-01-01\n---\n",
    "---\ntags: [\n  a\n]\ndate:\n  2020-01-01\n---\n", "---\ndate: 2020-01-01\n...\n",
    "---\ndate: 2020-01-01 # a comment\n---\n", "---\ndate: \"2020-01-01\" # a comment\n---\n",
    "---\nCreated: 2020-01-01\npublished: true\n---\n", "---\ntimestamp: 1577836800\n---\n",
    "+++\ndate = 2020-01-01\n+++\n", "+++\ntags = [\"a\",\n\"b\"]\ndate = \"2020-01-01\"\n+++\n",
    "---\nauthor:\n  date: 1999-01-01\ndate: 2020-01-01\n---\n",
    "+++\ndate = 2020-01-01 # day\ntext = \"\"\"\nlong\n\"\"\"\n[author]\ndate = 1999-01-01\n+++\n",
  ])
  func `front matter of many kinds gives the date`(block: String) throws {
    let reading = try Reading([file("a.md", block + "\nWe walked.\n")])
    #expect(reading.records.map(\.text) == ["We walked."])
    #expect(reading.records[0].date?.prefix(10) == "2020-01-01")
    #expect(reading.problems.isEmpty)
  }

  @Test func `a block that is none stays, and a date in it is named`() throws {
    let reading = try Reading([
      file("2020-01-02 a.md", "---\ntime: 20 minutes\npublished: true\n---\nBody."),
      file("b.md", "---\ndate: 2020-01-01\nand no field\n---\nBody."),
      file("c.md", "---\n\nOne rule.\n\n---\n\nThe date: no matter."),
    ])
    #expect(reading.records[0].date == "2020-01-02")
    #expect(reading.records[1].text.hasPrefix("---\ndate"))
    #expect(reading.records[2].text.hasPrefix("---\n\nOne"))
    #expect(reading.problems.map(\.path) == ["b.md"])
    #expect(reading.problems.map(\.kind) == [.frontMatter])
  }

  @Test(.timeLimit(.minutes(1)))
  func `an id of many records is made unique at once`() throws {
    let lines = (0..<20_000).map { #"{"id":"ok","text":"Text \#($0)."}"# }
    let reading = try Reading([file("a.jsonl", lines.joined(separator: "\n"))])
    #expect(reading.records.last?.id == "ok~20000")
  }

  @Test func `one broken part of questions costs no others`() throws {
    let reading = try Reading([
      file(
        "dev_questions.json",
        #"""
        [{"id":"1","user_id":"u","input":"Article: Rain fell.","profile":[
           {"id":"p1","title":1984,"text":"Sun shone."}, {"title":"T","text":"No id here."}, 7]},
         {"id":"2","user_id":"u","input":"Article: Wind blew."}, "torn",
         {"user_id":"u","input":"Article: Fog.","profile":null}]
        """#),
      file(
        "dev_outputs.json",
        #"{"golds":[{"id":"1","output":"Rain"},{"id":"2","output":null},{"id":"2","output":"W"}]}"#),
    ])
    #expect(reading.records.map(\.text).prefix(2) == ["Rain fell.", "Wind blew."])
    #expect(reading.records.map(\.text).suffix(2) == ["Sun shone.", "No id here."])
    #expect(reading.records[2].title == "1984")
    #expect(reading.sides["1"] == .validation && reading.sides["2"] == .validation)
    #expect(reading.problems.map(\.kind) == [.brokenItem, .brokenItem, .noAnswer, .noID])
    #expect(reading.problems.map(\.count) == [1, 2, 1, 1])
  }

  @Test func `entries that share an id but no text are all kept`() throws {
    func question(_ id: String, _ text: String) -> String {
      #"{"id":"\#(id)","input":"Article: About \#(id).","profile":[{"id":"1","text":"\#(text)"}]}"#
    }
    let reading = try Reading([
      file(
        "dev_questions.json",
        "[\(question("1", "Sun.")),\(question("2", "Wind.")),\(question("3", "Sun."))]"),
      file(
        "dev_outputs.json",
        #"{"golds":[{"id":"1","output":"a"},{"id":"2","output":"b"},"#
          + #"{"id":"3","output":"c"}]}"#),
    ])
    #expect(reading.records.map(\.text).suffix(2) == ["Sun.", "Wind."])
    #expect(reading.records.map(\.id).suffix(2) == ["1~2", "1~3"])
    #expect(reading.askedLater == 0)
  }

  @Test func `a list with answers beside its questions is of plain pairs`() throws {
    let reading = try Reading([
      file("a.json", #"[{"id":"1","user_id":"u","input":"Why?","output":"So."}]"#)
    ])
    #expect(reading.records.map(\.output) == ["So."])
  }

  @Test func `a single file is known by more than its first line`() throws {
    func texts(_ text: String) throws -> [String] {
      try Reading([file("", text)]).records.map(\.text)
    }
    let prose = "Body, mind and soul\nWalks, at length, are good.\n\nSo are naps."
    #expect(try texts(prose) == [prose])
    let objects = "{\"text\":\"A.\"}\n{\"text\":\"B.\"}\n"
    for start in ["{\"text\":\"torn\n", "// export\n"] {
      #expect(try texts(start + objects) == ["A.", "B."])
    }
    #expect(try texts("text\nA walk\nA nap\n") == ["A walk", "A nap"])
    #expect(try texts("Abstract\n\nWe study rafts.\n\nThey drift.").count == 1)
  }

  @Test func `tables of table programs are read whole`() throws {
    let reading = try Reading([
      file("a.csv", "sep=;\r\nid;text\r\n1;One, two; and three.\r\n2;Four.;\r\n"),
      file("b.csv", "text,id\nHello, world,3\n"),
    ])
    #expect(reading.records.map(\.text) == ["One, two; and three.", "Four.", "Hello"])
    #expect(reading.records[0].source == "a.csv:3")
    #expect(reading.problems.map(\.kind) == [.columns, .surplus])
    #expect(reading.problems.map(\.action) == [.repaired, .lost])
    #expect(reading.problems.map(\.first) == ["line 3", "line 2, 1 of 3"])
  }

  @Test func `bytes behind a gzip member are passed over`() throws {
    let member: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9,
      0x57, 0xc8, 0x40, 0x27, 0xb9, 0x00, 0x00, 0x88, 0x59, 0x0b, 0x18, 0x00, 0x00, 0x00,
    ]
    let text = Array("hello hello hello hello\n".utf8)
    #expect(try Gzip.inflated(member + [0, 0, 0], limit: 99) == text)
    #expect(try Gzip.inflated(member + member + [0], limit: 99) == text + text)
  }
}

/// Copies of a text that were saved beside it.
struct CopyTests {
  private func note(_ number: Int) -> String {
    (0..<40).map { "word\(number * 37 + $0 * $0 % 101)" }.joined(separator: " ") + "."
  }

  private func side(_ split: Split, _ id: String) -> String {
    let sides = [
      ("history", split.history), ("validation", split.validation), ("test", split.test),
    ]
    return sides.first { $0.1.contains { $0.id == id } }?.0 ?? "none"
  }

  @Test(arguments: [false, true])
  func `a copy with a mark or a sentence more lies beside its text`(isDated: Bool) throws {
    let records = (0..<40).flatMap { number -> [Record] in
      func date(_ month: Int) -> String? {
        isDated ? "2020-\(10 + month)-\(10 + number % 18)" : nil
      }
      let note = Record(id: "\(number).md", date: date(0), text: note(number))
      guard number < 12 else { return [note] }
      return [
        note,
        Record(
          id: "\(number) (copy).md", date: date(1),
          text: "# " + note.text.replacing(".", with: "!")),
        Record(
          id: "\(number) revised.md", date: date(2),
          text: note.text + " One sentence was added to it later."),
      ]
    }
    let split = try Split(records)
    for number in 0..<12 {
      #expect(side(split, "\(number) (copy).md") == side(split, "\(number).md"))
      #expect(side(split, "\(number) revised.md") == side(split, "\(number).md"))
    }
    #expect(split.reasoning.joined == 24)
    let plain = try Split(records.filter { $0.id.utf8.count < 6 })
    #expect(plain.reasoning.joined == nil)
  }

  @Test func `what many texts share is a form, and a source's own split is kept`() throws {
    let form = "what i did today and what i want to do tomorrow if there is time for it: "
    let forms = (0..<30).map { Record(id: "\($0).md", text: form + "thing\($0) and task\($0)") }
    #expect(try Split(forms).reasoning.joined == nil)
    let two = [Record(id: "a", text: note(1)), Record(id: "b", text: note(1) + " And more.")]
    let kept = try Split(two + forms, keeping: ["a": .history, "b": .test])
    #expect(side(kept, "a") == "history" && side(kept, "b") == "test")
  }

  @Test func `copies that leave no room for a split are told of`() throws {
    let records = (0..<5).map { Record(id: "\($0)", text: note(1) + " Draft \($0).") }
    let split = try Split(records)
    #expect(split.reasoning.joined == nil)
    #expect(split.reasoning.warnings.contains { $0.hasPrefix("4 texts are copies") })
  }
}
