public import Corpus
public import Persona

/// Marks samples with a verdict, a reason and scores, check by check; removes none.
public struct Filter {
  /// The checks, in the order in which they are made; a sample's reason is the first it fails.
  public enum Check: String, CaseIterable, Sendable {
    case format
    case length
    case boilerplate
    case repetition
    case exactDuplicate = "exact duplicate"
    case copyOfHistory = "copy of history"
    case copyOfTest = "copy of test"
    case nearDuplicate = "near duplicate"
    case style
  }

  private let style: Style
  private let test: Shingles
  private let options: FilterOptions
  private let history: CopyDetector
  private let ownText: String
  private var accepted = CopyDetector()

  public init(history: [Record], style: Style, test: Shingles, options: FilterOptions = .init()) {
    self.style = style
    self.test = test
    self.options = options
    var detector = CopyDetector()
    for record in history {
      let rendering = Rendering(record)
      detector.add(Self.compared(rendering.prompt, rendering.completion))
    }
    self.history = detector
    ownText = Boilerplate.normalised(
      history.flatMap { [$0.text, $0.title ?? "", $0.output ?? ""] }.joined(separator: "\n"))
  }

  /// Marks samples in their order: of two that are alike the first may stay.
  public mutating func mark(_ samples: [Sample]) -> [Sample] {
    samples.map { sample in
      var marked = sample
      let (failed, scores) = judge(sample)
      marked.verdict = failed == nil ? .accepted : .rejected
      marked.reason = failed?.rawValue
      marked.scores = scores
      if failed == nil { accepted.add(Self.compared(sample.prompt, sample.completion)) }
      return marked
    }
  }

  private func judge(_ sample: Sample) -> (Check?, [String: Double]) {
    let text = sample.completion
    let isTask = !sample.prompt.isEmpty
    let words = Words.lowercased(text)
    let statistics = style.statistics
    let compared = Self.compared(sample.prompt, text)
    let comparedWords = Words.lowercased(compared)
    let own = history.likeness(to: comparedWords)
    let other = accepted.likeness(to: comparedWords)
    let inTest = max(test.share(of: compared), isTask ? test.share(of: sample.prompt) : 0)
    let testRun = max(
      test.longestRun(in: comparedWords),
      isTask ? test.longestRun(in: Words.lowercased(sample.prompt)) : 0)
    let repeated = Self.repetition(words)
    let distance = style.distance(of: text)
    let ownDistance = statistics.distances.p95
    let relative = ownDistance > 0 ? distance / ownDistance : 0
    let scores = [
      "characters": Double(text.count), "repetition": repeated, "history_overlap": own.overlap,
      "history_likeness": own.likeness, "test_overlap": inTest, "test_run": Double(testRun),
      "sample_overlap": other.overlap, "sample_likeness": other.likeness,
      "style_distance": distance, "style_ratio": relative,
    ].mapValues { ($0 * 1e6).rounded() / 1e6 }

    let lengths = statistics.charactersPerRecord
    let length = Double(text.count)
    for check in Check.allCases {
      let fails =
        switch check {
        case .format: !Self.isWellFormed(text, isTask: isTask)
        case .length:
          length < options.shortest * lengths.p5 || length > options.longest * lengths.p95
        case .boilerplate: Boilerplate.isIn(text, own: ownText)
        case .repetition: repeated > options.repetition
        case .exactDuplicate: own.isExact || other.isExact
        case .copyOfHistory:
          own.overlap > options.historyOverlap || (!isTask && own.likeness > options.likeness)
        case .copyOfTest: inTest > options.testOverlap || testRun >= WordRuns.length
        case .nearDuplicate:
          other.overlap > options.sampleOverlap || other.likeness > options.likeness
        case .style: relative > options.styleDistance
        }
      if fails { return (check, scores) }
    }
    return (nil, scores)
  }

  /// What copies are looked for in: the answer, or, where that is a label or a rating, so short that
  /// many share it, the question with it.
  private static func compared(_ prompt: String, _ completion: String) -> String {
    let isShort = Words.lowercased(completion).count < Shingles.words
    return isShort && !prompt.isEmpty ? prompt + "\n" + completion : completion
  }

  /// Whether a text is one at all: letters, no broken characters, and one line for an answer.
  private static func isWellFormed(_ text: String, isTask: Bool) -> Bool {
    var (letters, broken, visible) = (0, 0, 0)
    for scalar in text.unicodeScalars {
      if scalar == "\u{FFFD}" || (scalar.value < 0x20 && scalar != "\n" && scalar != "\t") {
        broken += 1
      }
      if scalar.properties.isWhitespace { continue }
      visible += 1
      if scalar.properties.isAlphabetic || (isTask && scalar.properties.numericType != nil) {
        letters += 1
      }
    }
    if isTask, text.contains(where: \.isNewline) { return false }
    return broken == 0 && letters > 0 && letters * 2 > visible
  }

  /// The share of four-word sequences that occurred before in the same text.
  static func repetition(_ words: [String]) -> Double {
    guard words.count > 4 else { return 0 }
    let count = words.count - 3
    let distinct = Set((0..<count).map { words[$0..<$0 + 4] }).count
    return Double(count - distinct) / Double(count)
  }
}
