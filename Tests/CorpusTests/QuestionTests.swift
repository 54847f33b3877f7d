import Corpus
import Testing

/// LaMP's questions and answers.
struct QuestionTests {
  private func file(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, bytes: Array(text.utf8))
  }

  private func read(_ files: [SourceFile], _ options: ReadingOptions = .init()) throws -> Reading {
    try Reading(files, options: options)
  }

  private static let questions = """
    [{"id":"q1","user_id":"u","input":"Generate a headline for the following article: Rain fell.",
      "profile":[{"id":"p1","title":"Sun","text":"Sun shone.","date":"2020-01-01"},
                 {"id":"p2","title":"Storm","text":"Wind blew."},
                 {"id":"p3","title":"Asked","text":"Snow fell."}]},
     {"id":"q9","user_id":"other","input":"Generate a headline for the following article: X.",
      "profile":[]}]
    """

  private var lamp: [SourceFile] {
    [
      file("dev_questions.json", Self.questions),
      file(
        "dev_outputs.json",
        #"{"task":"LaMP_4","golds":[{"id":"q1","output":"Rain"},{"id":"q9","output":"X"}]}"#),
      file(
        "test_questions.json",
        #"""
        [{"id":"t1","user_id":"u","input":"Generate a headline for the following article: Snow fell.",
          "profile":[{"id":"p1","title":"Sun","text":"Sun shone."}]},
         {"id":"t2","user_id":"u","input":"Generate a headline for the following article: Fog.",
          "profile":[]}]
        """#),
      file("test_outputs.json", #"{"task":"LaMP_4","golds":[{"id":"t1","output":"Snow"}]}"#),
    ]
  }

  @Test func `LaMP questions keep their split`() throws {
    var options = ReadingOptions()
    options.user = "u"
    let reading = try read(lamp, options)
    let split = try Split(reading.records, keeping: reading.sides)
    #expect(split.history.map(\.id) == ["p1", "p2"])
    #expect(split.validation.map(\.id) == ["q1"])
    #expect(split.test.map(\.id) == ["t1"])
    #expect(split.history[0].date == "2020-01-01")
    #expect(split.test[0].text == "Snow fell.")
    #expect(reading.askedLater == 1)
    #expect(reading.problems.map(\.kind) == [.noAnswer, .askedLater])
    let rendering = Rendering(split.history[0])
    #expect(rendering.prompt == "Generate a headline for the following article: Sun shone.\n")
    #expect(rendering.completion == "Sun")
    #expect(
      Rendering(split.test[0]).prompt
        == "Generate a headline for the following article: Snow fell.\n")
    #expect(Rendering(split.test[0]).completion == "Snow")
  }

  private func questions(_ texts: [(id: String, text: String)], profile: String = "") -> String {
    let list = texts.map {
      #"{"id":"\#($0.id)","user_id":"u","input":"Generate a headline for the following article: "#
        + #"\#($0.text)","profile":[\#(profile)]}"#
    }
    return "[" + list.joined(separator: ",") + "]"
  }

  private func answers(_ golds: [(id: String, output: String)]) -> String {
    let list = golds.map { #"{"id":"\#($0.id)","output":"\#($0.output)"}"# }
    return #"{"task":"LaMP_4","golds":[\#(list.joined(separator: ","))]}"#
  }

  @Test(arguments: [
    ("test_#.json", Side.test), ("LaMP_4_test_#.json", .test), ("a-val-#.json", .validation),
    ("LaMP.4.validation.#.json", .validation), ("LaMP_4_DEV_#.json", .validation),
    ("test_of_time_train_#.json", .history), ("latest_#.json", .history),
    ("#_test.json", .test), ("test_v2_#.json", .test), ("test/#.json", .test),
  ])
  func `the word before "questions" says the side`(_ name: String, _ side: Side) throws {
    let parts = name.split(separator: "#")
    let (before, after) =
      parts.count == 2 ? (String(parts[0]), String(parts[1])) : ("", String(parts[0]))
    let reading = try read([
      file("\(before)questions\(after)", questions([("1", "Rain fell.")])),
      file("\(before)outputs\(after)", answers([("1", "Rain")])),
    ])
    #expect(reading.sides == ["1": side])
  }

  @Test func `outputs answer the questions of their own split, ids may occur in both`() throws {
    let reading = try read([
      file("dev_questions.json", questions([("0", "Rain fell."), ("1", "Wind blew.")])),
      file("dev_outputs.json", answers([("0", "Rain"), ("1", "Wind"), ("2", "Dev")])),
      file("test_questions.json", questions([("0", "Snow fell."), ("2", "Fog."), ("3", "Hail.")])),
      file("test_outputs.json", answers([("0", "Snow"), ("3", "Hail"), ("3", "Hail")])),
    ])
    #expect(reading.records.map(\.id) == ["0", "1", "test/0", "3"])
    #expect(reading.records.map(\.output) == ["Rain", "Wind", "Snow", "Hail"])
    #expect(
      reading.sides == ["0": .validation, "1": .validation, "test/0": .test, "3": .test])
    #expect(reading.problems.map(\.kind) == [.repeatedID, .noAnswer])
  }

  @Test func `one file of outputs may answer all splits`() throws {
    let reading = try read([
      file("dev_questions.json", questions([("0", "Rain fell.")])),
      file("golds.json", answers([("0", "Rain"), ("1", "Snow")])),
      file("test_questions.json", questions([("1", "Snow fell.")])),
    ])
    #expect(reading.records.map(\.output) == ["Rain", "Snow"])
  }

  @Test func `a note with a question's id does not take its side`() throws {
    let reading = try read([
      file("dev_questions.json", questions([("1", "Rain fell.")])),
      file("dev_outputs.json", answers([("1", "Rain")])),
      file("notes.jsonl", #"{"id":"1","text":"A note."}"#),
    ])
    let question = try #require(reading.records.first { $0.output != nil })
    let note = try #require(reading.records.first { $0.text == "A note." })
    #expect(reading.sides == [question.id: .validation])
    #expect(note.id == "1" && question.id == "1~2")
  }

  @Test(arguments: ["dev", "train"])
  func `entries much like an asked text are dropped`(split: String) throws {
    let asked = "The old harbour wall was mended last spring after the storms of the winter."
    let profile = [
      "THE OLD HARBOUR WALL was mended - last spring, after the storms of the winter!",
      "Update: the old harbour wall was mended last spring after the storms of the year.",
      "The old harbour wall was mended, but nobody has paid for the work on the long pier.", "?",
    ].enumerated().map { #"{"id":"p\#($0)","title":"T","text":"\#($1)"}"# }
    let reading = try read([
      file(
        "\(split)_questions.json",
        questions([("1", asked), ("2", "?")], profile: profile.joined(separator: ","))),
      file("\(split)_outputs.json", answers([("1", "Harbour"), ("2", "What")])),
    ])
    #expect(reading.records.map(\.id) == ["1", "2", "p2"])
    #expect(reading.askedLater == 3)
  }

  @Test func `a questions file with several users needs a choice`() throws {
    let error = #expect(throws: CorpusError.self) { try read(lamp) }
    #expect(error == .user(asked: "", known: ["other", "u"]))
    var options = ReadingOptions()
    options.user = "nobody"
    #expect(throws: CorpusError.user(asked: "nobody", known: ["other", "u"])) {
      try read(lamp, options)
    }
  }

  @Test func `tags are asked for in the words of the user's own question`() throws {
    let reading = try read([
      file(
        "dev_questions.json",
        #"""
        [{"id":"1","input":"Which tag? tags: [a, b] description: A ship sinks.",
          "profile":[{"id":"2","tag":"a","description":"A dog runs."}]}]
        """#),
      file("dev_outputs.json", #"{"task":"LaMP_2","golds":[{"id":"1","output":"b"}]}"#),
    ])
    let entry = try #require(reading.records.first { $0.id == "2" })
    #expect(
      Rendering(entry).prompt == "Which tag? tags: [a, b] description: A dog runs.\n")
    #expect(Rendering(entry).completion == "a")
  }
}
