import Corpus
import Testing

struct ReadingTests {
  private func file(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, bytes: Array(text.utf8))
  }

  private func read(_ files: [SourceFile], _ options: ReadingOptions = .init()) throws -> Reading {
    try Reading(files, options: options)
  }

  @Test func `text files at any depth become records named by path`() throws {
    let reading = try read([
      file("b/deep/two.md", "# Two\r\n\r\nSecond.\n"), file("one.txt", "\u{FEFF}First. \n"),
    ])
    #expect(reading.records.map(\.id) == ["b/deep/two.md", "one.txt"])
    #expect(reading.records.map(\.text) == ["# Two\n\nSecond.", "First."])
    #expect(reading.records.map(\.group) == reading.records.map(\.id))
    #expect(reading.problems.isEmpty)
    #expect(reading.filesRead == 2)
  }

  @Test func `front matter gives date and title and is no text`() throws {
    let reading = try read([
      file(
        "a.md", "---\ntitle: \"A walk\"\ndate: 2021-03-04 08:00\ntags:\n- x\n---\n\nWe walked.\n"),
      file("b.md", "---\nNot a field\n---\n\nBetween rules."),
    ])
    #expect(reading.records[0].text == "We walked.")
    #expect(reading.records[0].title == "A walk")
    #expect(reading.records[0].date == "2021-03-04T08:00:00")
    #expect(reading.records[1].text == "---\nNot a field\n---\n\nBetween rules.")
  }

  @Test func `a file's name may begin with its date`() throws {
    let reading = try read([
      file("walks/2026-01-10.md", "We walked."), file("20260111 rain.txt", "It rained."),
      file("2026-01-12-sun.md", "---\ndate: 2025-05-05\n---\n\nThe sun shone."),
      file("2026-13-12.md", "No such month."), file("202601123.txt", "A number."),
    ])
    let dates = Dictionary(
      uniqueKeysWithValues: reading.records.map { ($0.source, $0.date ?? "") })
    #expect(dates["walks/2026-01-10.md"] == "2026-01-10")
    #expect(dates["20260111 rain.txt"] == "2026-01-11")
    #expect(dates["2026-01-12-sun.md"] == "2025-05-05")
    #expect(dates["2026-13-12.md"] == "" && dates["202601123.txt"] == "")
  }

  @Test func `bad files are named and the rest is read`() throws {
    let reading = try read([
      file("good.txt", "Good."),
      file("empty.txt", ""),
      file("blank.md", " \n\t\n"),
      SourceFile(path: "nul.txt", bytes: Array("A\u{0}B and quite some more text to be read".utf8)),
      SourceFile(
        path: "broken.txt", bytes: Array("Gr\u{FC}\u{DF}e, ".utf8) + [0xFF] + Array("!".utf8)),
      SourceFile(path: "latin.txt", bytes: Array("caf".utf8) + [0xE9, 0x20, 0x93, 0x41, 0x94]),
      SourceFile(path: "utf16.txt", bytes: [0xFF, 0xFE, 0x48, 0, 0xE9, 0]),
      SourceFile(path: "big16.txt", bytes: [0xFE, 0xFF, 0, 0x48, 0, 0x69]),
      SourceFile(path: "binary.txt", bytes: (0...255).map { UInt8($0) }),
      SourceFile(path: "giant.txt", size: 1 << 40) { [] },
      SourceFile(path: "picture.png", bytes: [1, 2, 3]),
      SourceFile(path: "broken.gz", bytes: [0x1F, 0x8B, 1]),
      SourceFile(path: "broken.txt.gz", bytes: [0x1F, 0x8B, 8, 0, 0, 0]),
    ])
    let texts = Dictionary(uniqueKeysWithValues: reading.records.map { ($0.id, $0.text) })
    #expect(texts["good.txt"] == "Good.")
    #expect(texts["nul.txt"]?.hasPrefix("AB and") == true)
    #expect(texts["broken.txt"] == "Gr\u{FC}\u{DF}e, \u{FFFD}!")
    #expect(texts["latin.txt"] == "caf\u{E9} \u{201C}A\u{201D}")
    #expect(texts["utf16.txt"] == "H\u{E9}")
    #expect(texts["big16.txt"] == "Hi")
    #expect(texts.count == 6)
    let problems = Dictionary(grouping: reading.problems, by: \.path).mapValues { $0.map(\.kind) }
    #expect(problems["empty.txt"] == [.empty])
    #expect(problems["blank.md"] == [.empty])
    #expect(problems["nul.txt"] == [.nulBytes])
    #expect(problems["broken.txt"] == [.brokenUTF8])
    #expect(problems["latin.txt"] == [.notUTF8])
    #expect(problems["utf16.txt"] == [.utf16])
    #expect(problems["binary.txt"] == [.binary])
    #expect(problems["giant.txt"] == [.giant])
    #expect(problems["picture.png"] == [.unknownKind])
    #expect(problems["broken.gz"] == [.unknownKind])
    #expect(problems["broken.txt.gz"] == [.compressed])
    #expect(reading.filesRead == 6)
    #expect(reading.filesSkipped == 7)
  }

  @Test func `nothing readable is an error that names the files`() {
    let error = #expect(throws: CorpusError.self) {
      try read([SourceFile(path: "a.txt", bytes: [0, 1, 2])])
    }
    #expect(error?.description.contains("a.txt: binary, skipped") == true)
    #expect(throws: CorpusError.noRecords(files: 0, problems: [])) { try read([]) }
  }

  @Test func `characters are composed`() throws {
    let reading = try read([file("a.txt", "Cafe\u{301}")])
    #expect(Array(reading.records[0].text.unicodeScalars) == Array("Caf\u{E9}".unicodeScalars))
  }

  @Test func `exact duplicates are dropped and counted, the oldest stays`() throws {
    let reading = try read([
      file(
        "t.jsonl",
        """
        {"id":"new","date":"2020-01-02","text":"Same."}
        {"id":"old","date":"2019-01-02","text":"Same.\\r\\n"}
        {"id":"other","text":"Other."}
        """)
    ])
    #expect(reading.records.map(\.id) == ["old", "other"])
    #expect(reading.duplicates == 1)
  }

  @Test func `a long file becomes passages of one group`() throws {
    var options = ReadingOptions()
    options.passageCharacters = 100
    let paragraph = String(repeating: "word ", count: 15).dropLast()
    let text = (0..<5).map { "\($0) \(paragraph)." }.joined(separator: "\n\n")
    let reading = try read([file("long.txt", text)], options)
    #expect(reading.records.count == 5)
    #expect(reading.records.map(\.id).first == "long.txt#1")
    #expect(Set(reading.records.map(\.group)) == ["long.txt"])
    #expect(reading.records.map(\.text).joined(separator: "\n\n") == text)
  }

  @Test func `form feed lines divide works`() throws {
    let reading = try read([file("works.txt", "First work.\n\u{0C}\nSecond work.\n\u{0C}\n")])
    #expect(reading.records.map(\.text) == ["First work.", "Second work."])
    #expect(reading.records.map(\.group) == ["works.txt@1", "works.txt@2"])
  }

  @Test func `JSON Lines of one title are one group`() throws {
    let reading = try read([
      file(
        "texts.jsonl",
        """
        {"id": "a-1", "date": "1887-01-01", "title": "Work", "text": "One."}
        {"id": "a-2", "date": 1887, "title": "Work", "text": "Two."}

        {"id": 7, "text": "Alone.", "extra": {"x": [1]}}
        {"text": "No name."}
        {"text": ""}
        not JSON
        {"id": "a-1", "date": "some day", "text": "Again."}
        """)
    ])
    #expect(reading.records.map(\.id).prefix(3) == ["a-1", "a-2", "7"])
    #expect(reading.records[3].id.hasPrefix("text-"))
    #expect(reading.records[4].id == "a-1~2")
    #expect(reading.records.map(\.group).prefix(3) == ["Work", "Work", "7"])
    #expect(reading.records.map(\.date).prefix(3) == ["1887-01-01", "1887", nil])
    #expect(reading.records[1].source == "texts.jsonl:2")
    #expect(
      reading.problems.map(\.kind) == [.noText, .brokenLine, .date, .repeatedID])
  }

  @Test func `tables with quotes, line breaks and other separators`() throws {
    let reading = try read([
      file(
        "a.csv",
        "id,Date,Text\r\n1,2020-02-01,\"Say \"\"hi\"\",\r\nand go.\"\r\n2,,plain\r\n3,x,\r\n4,y\r\n"
      ),
      file("b.csv", "name;body\nx;\u{E4}\n"),
      file("c.csv", "x,y\n1,2\n"),
    ])
    #expect(reading.records.map(\.id).prefix(2) == ["1", "2"])
    #expect(reading.records[0].text == "Say \"hi\",\nand go.")
    #expect(reading.records[0].date == "2020-02-01")
    #expect(reading.records[2].text == "\u{E4}")
    #expect(reading.problems.map(\.kind) == [.noText, .columns, .noTextColumn])
    var options = ReadingOptions()
    options.textColumn = "Y"
    #expect(try read([file("c.csv", "x,y\n1,2\n")], options).records.map(\.text) == ["2"])
  }

  @Test func `a file without a name is known by its content`() throws {
    #expect(try read([file("", "{\"text\":\"A.\"}\n")]).records.map(\.text) == ["A."])
    #expect(try read([file("", "id,text\n1,A.\n")]).records.map(\.text) == ["A."])
    #expect(try read([file("", "Once upon a time, there was text.")]).records[0].id == "text")
    #expect(try read([file("", "[Note] nothing")]).records.map(\.text) == ["[Note] nothing"])
    #expect(try read([file("", "[{\"id\":1,\"text\":\"A.\"}]")]).records.map(\.id) == ["1"])
  }

  @Test func `an empty field leaves the word to the next`() throws {
    let reading = try read([
      file(
        "a.jsonl",
        """
        {"id":"a","text":"","body":"The body.","date":"","created_at":"2024-01-05"}
        {"id":"b","text":"Later.","date":"1700000000"}
        """)
    ])
    #expect(reading.records.map(\.text) == ["The body.", "Later."])
    #expect(reading.records.map(\.date) == ["2024-01-05", "2023-11-14T22:13:20Z"])
    #expect(reading.problems.isEmpty)
  }

  @Test func `large numbers name what they say`() throws {
    let reading = try read([
      file(
        "a.jsonl",
        """
        {"id":12345678901234567890,"thread_id":12345678901234567,"text":"One."}
        {"id":12345678901234567891,"thread_id":12345678901234568,"text":"Two."}
        {"id":3.0,"thread_id":-4,"text":"Three."}
        """),
      file(
        "dev_questions.json",
        #"[{"id":9007199254740993,"input":"Article: A.","profile":[]},"#
          + #"{"id":9007199254740992,"input":"Article: B.","profile":[]}]"#),
      file(
        "dev_outputs.json",
        #"{"golds":[{"id":9007199254740993,"output":"a"},{"id":9007199254740992,"output":"b"}]}"#),
    ])
    #expect(
      reading.records.map(\.id) == [
        "12345678901234567890", "12345678901234567891", "3", "9007199254740993",
        "9007199254740992",
      ])
    #expect(
      reading.records.prefix(3).map(\.group) == ["12345678901234567", "12345678901234568", "-4"])
    #expect(reading.records.suffix(2).map(\.output) == ["a", "b"])
  }

  @Test func `files all named after one day are split as undated`() throws {
    let notes = (0..<30).map { file("2026-01-10-note\($0).md", "Note \($0).") }
    let works = (0..<30).map { "Work \($0)." }.joined(separator: "\n\u{0C}\n")
    for files in [notes, [file("2026-01-10 collected.txt", works)]] {
      let reading = try read(files)
      #expect(reading.records.allSatisfy { $0.date == nil })
      #expect(reading.problems.map(\.kind) == [.nameDates])
      #expect(reading.problems.map(\.count) == [30])
      let split = try Split(reading.records)
      #expect(split.reasoning.rules == ["hashes"])
    }
    let inside = (0..<30).map { file("\($0).md", "---\ndate: 2026-01-10\n---\nNote \($0).") }
    let reading = try read(inside)
    #expect(reading.records.allSatisfy { $0.date == "2026-01-10" })
    #expect(throws: CorpusError.self) { try Split(reading.records) }
    let one = try read([file("2026-01-10 walk.md", "We walked.")])
    #expect(one.records.map(\.date) == ["2026-01-10"])
  }
}
