import Augmentation
import Bytes
import Corpus
import Persona
import Testing

struct FilterTests {
  static let own = [
    "We walked along the river, slowly, and spoke of the harvest; nobody hurried us at all that day.",
    "The river was high, and the harvest late; we spoke of it slowly, as one does in such a year.",
    "Nobody came along the road, and we walked home slowly, speaking of the river and of the year.",
    "The road home was long; we spoke, slowly, of nobody we knew, and of the late harvest there.",
  ]
  private let history = own.enumerated().map { Record(id: "\($0)", text: $1) }

  private func filter(test: [String] = [], _ options: FilterOptions = .init()) -> Filter {
    Filter(
      history: history, style: Style(history),
      test: Shingles(of: test.map { Record(id: $0, text: $0) }), options: options)
  }

  private func sample(_ text: String, prompt: String = "") -> Sample {
    Sample(id: text, prompt: prompt, completion: text, origin: .init(kind: "synthetic"))
  }

  private func reason(_ text: String, _ filter: Filter) -> String? {
    var filter = filter
    return filter.mark([sample(text)])[0].reason
  }

  static let good =
    "Late in the year the road was high, and slowly, speaking of home, we came to the harvest; nobody was there."

  @Test func `a sample in the user's manner is accepted with its scores`() {
    var filter = filter()
    let marked = filter.mark([sample(Self.good)])[0]
    #expect(marked.verdict == .accepted)
    #expect(marked.reason == nil)
    #expect(marked.scores?["style_distance"] ?? 9 < 2)
    #expect(marked.scores?["history_overlap"] == 0)
  }

  @Test(arguments: [
    ("", "format"), ("\u{FFFD}\u{FFFD} and a text that is otherwise quite long enough.", "format"),
    ("1234 5678 !!! ??? 99 (((())))) 12345678901234567890 #### 123 456", "format"),
    ("Too short.", "length"),
    (String(repeating: "We walked on and on. ", count: 40), "length"),
    (
      "As an AI language model I spoke of the river, slowly, and of the late harvest there.",
      "boilerplate"
    ),
    (
      "Sure, here is a text: we walked along the road and spoke of the late harvest slowly.",
      "boilerplate"
    ),
    ("we walked home and spoke we walked home and spoke we walked home and spoke", "repetition"),
    (own[1].uppercased(), "exact duplicate"),
    (
      "Well! The river was high, and the harvest late; we spoke of it slowly, as one does, then.",
      "copy of history"
    ),
    ("OMG NOW!!! BUY (IT) #42: KRXX ZZTOP WONKY DONKEY FLURB GNARL?! QUUX -- XYZZY!!!", "style"),
  ])
  func `each fault has its reason`(text: String, expected: String) {
    #expect(reason(text, filter()) == expected)
  }

  @Test func `what is in the test is kept out`() {
    #expect(reason(Self.good, filter(test: [Self.good + " And more."])) == "copy of test")
    let question = Sample(
      id: "q", prompt: "Generate a headline: " + Self.good, completion: "Slowly home",
      origin: .init(kind: "synthetic"))
    var options = FilterOptions()
    options.shortest = 0
    var filter = filter(test: [Self.good], options)
    #expect(filter.mark([question])[0].reason == "copy of test")
  }

  @Test func `a test note inside a long sample is found by its words in a row`() {
    let note = "when the last ferry left before dusk my uncle counted gulls upon the pier"
    let long = (0..<30).map { "On day \($0) the road was long, and we spoke of the harvest. " }
    let options = { (options: inout FilterOptions) in
      (options.longest, options.repetition, options.styleDistance) = (1e6, 1, 1e6)
      options.historyOverlap = 1
    }
    var given = FilterOptions()
    options(&given)
    let place = 17
    let hidden = long[..<place].joined() + note + ". " + long[place...].joined()
    var filter = filter(test: [note], given)
    let marked = filter.mark([sample(hidden), sample(long.joined())])
    #expect(marked[0].reason == "copy of test")
    #expect(marked[0].scores?["test_run"] == 14)
    #expect(marked[0].scores?["test_overlap"] ?? 1 < 0.1)
    #expect(marked[1].reason == nil && marked[1].scores?["test_run"] == 0)
  }

  @Test func `likeness is what the plain way finds`() {
    var random = SeededRandom(seed: 3)
    func text() -> String {
      (0..<random.below(45)).map { _ in "w\(random.below(12))" }.joined(separator: " ")
    }
    let known = (0..<60).map { Record(id: "\($0)", text: text()) }
    var filter = Filter(history: known, style: Style(known), test: Shingles())
    for sample in filter.mark((0..<60).map { _ in sample(text()) }) {
      let words = Words.lowercased(sample.completion)
      let wanted =
        words.count > 40
        ? 0
        : known.map { Words.lowercased($0.text) }.filter { $0.count <= 40 }
          .map { Self.rougeL($0, words) }.max() ?? 0
      #expect(sample.scores?["history_likeness"] == (wanted * 1e6).rounded() / 1e6)
    }
  }

  /// The F-measure of the longest common subsequence, by the table.
  private static func rougeL(_ a: [String], _ b: [String]) -> Double {
    guard !a.isEmpty, !b.isEmpty else { return 0 }
    var row = [Int](repeating: 0, count: b.count + 1)
    for word in a {
      var diagonal = 0
      for (at, other) in b.enumerated() {
        let above = row[at + 1]
        row[at + 1] = word == other ? diagonal + 1 : max(above, row[at])
        diagonal = above
      }
    }
    return 2 * Double(row[b.count]) / Double(a.count + b.count)
  }

  @Test func `a copy in a script without spaces is found`() {
    let own = "昨日は雨が降っていたので、家で本を読んでいました。夕方には友達が来て、一緒に夕食を作りました。"
    let history = [Record(id: "a", text: own), Record(id: "b", text: "今朝は早く起きて、川まで歩いた。")]
    var options = FilterOptions()
    (options.shortest, options.longest, options.styleDistance) = (0, 1e6, 1e6)
    var filter = Filter(history: history, style: Style(history), test: Shingles(), options: options)
    let copy = own + "その後、映画を見て寝ました。"
    #expect(filter.mark([sample(copy)])[0].reason == "copy of history")
  }

  @Test func `a rating that many share is no copy, its question may be`() {
    let reviews = (0..<8).map {
      Record(
        id: "\($0)", text: "review",
        input: "Rate this, please: item \($0) broke after \($0 + 2) days of careful use at home",
        output: "\($0 % 3 + 3)")
    }
    var options = FilterOptions()
    (options.styleDistance, options.shortest, options.longest) = (1e6, 0, 1e6)
    var filter = Filter(
      history: reviews, style: Style(reviews), test: Shingles(of: [Record(id: "t", text: "4")]),
      options: options)
    func mark(_ question: String, _ answer: String) -> String? {
      filter.mark([
        Sample(
          id: question, prompt: question, completion: answer, origin: .init(kind: "synthetic"))
      ])[0].reason
    }
    let fresh = "What is it worth? A lamp that lights by itself whenever anybody sings below it"
    #expect(mark(fresh, "4") == nil)
    #expect(mark(fresh, "4") == "exact duplicate")
    #expect(mark(reviews[1].input ?? "", "4") == "exact duplicate")
  }

  @Test func `who writes with curly apostrophes may go on`() {
    let notes = (0..<8).map {
      Record(
        id: "\($0)", text: "I can\u{2019}t say that walk \($0) was long, but the hill was steep.")
    }
    var options = FilterOptions()
    options.styleDistance = 1e6
    var filter = Filter(
      history: notes, style: Style(notes), test: Shingles(), options: options)
    let sample = sample("I can\u{2019}t say how far the mill is, but the bridge was down again.")
    #expect(filter.mark([sample])[0].reason == nil)
  }

  @Test func `of two that are alike the first stays`() {
    var filter = filter()
    let near = Self.good.replacing("came to", with: "walked to")
    let marked = filter.mark([sample(Self.good), sample(Self.good), sample(near)])
    #expect(marked.map(\.verdict) == [.accepted, .rejected, .rejected])
    #expect(marked.map(\.reason) == [nil, "exact duplicate", "near duplicate"])
  }

  @Test func `the report sums up and loses none`() throws {
    var filter = filter()
    let marked = filter.mark([sample(Self.good), sample(""), sample("Short."), sample("Brief.")])
    let report = FilterReport(marked)
    #expect(report.samples == 4)
    #expect(report.accepted == 1)
    #expect(report.rejected["length"] == 2)
    #expect(report.rejected.values.reduce(0, +) + report.accepted == 4)
    let json = try JSON(parsing: report.encoded())
    #expect(json["rejected"]?["format"]?.intValue == 1)
    #expect(json["scores"]?["characters"]?["median"]?.doubleValue == 6)
    #expect(marked.map(\.completion) == [Self.good, "", "Short.", "Brief."])
  }

  @Test func `thresholds are the user's to choose`() {
    var options = FilterOptions()
    options.shortest = 0
    options.styleDistance = 1e6
    #expect(reason("Too short.", filter(options)) == nil)
    options.styleDistance = 0
    #expect(reason(Self.good, filter(options)) == "style")
  }
}
