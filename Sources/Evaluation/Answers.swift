public import Corpus
public import Formats
public import Models
public import Tokenizers

/// Has models answer questions, and measures the answers against the gold ones.
public struct Answers: Sendable {
  /// One question as it is put to a model.
  public struct Question: Sendable {
    /// The record it comes from.
    public let record: String
    /// What is given, passages that were retrieved among it.
    public let prompt: [Int32]
    public let gold: String
  }

  public let questions: [Question]

  /// Takes the questions among samples.
  /// - Parameters:
  ///   - samples: of records; those with a prompt are questions.
  ///   - records: the records, for their answers.
  public init(_ samples: [TokenSample], of records: [Record]) {
    let golds = Dictionary(
      records.map { ($0.id, Rendering($0)) }, uniquingKeysWith: { first, _ in first })
    var seen: Set<String> = []
    questions = samples.compactMap { sample in
      let given = sample.labels.prefix { $0 == TokenSample.unlabelled }.count
      guard given > 1, given < sample.ids.count, let gold = golds[sample.record],
        !gold.prompt.isEmpty, seen.insert(sample.record).inserted
      else { return nil }
      return Question(
        record: sample.record, prompt: Array(sample.ids[..<given]), gold: gold.completion)
    }
  }

  /// Questions that are answered at a time.
  private static let atOnce = 16

  /// Answers all questions with the likeliest tokens; an answer ends with its line.
  /// - Parameters:
  ///   - tokens: most tokens of an answer.
  ///   - done: called with the number of questions answered so far.
  public func ask(
    _ network: Network, tokens: Int, tokenizer: any Tokenizer, stop: Int32,
    done: (Int) -> Void = { _ in }
  ) throws(ModelError) -> [String] {
    var answers: [String] = []
    let options = GenerationOptions(maximumTokens: tokens, temperature: 0, stop: [stop])
    for start in stride(from: 0, to: questions.count, by: Self.atOnce) {
      let some = questions[start..<min(start + Self.atOnce, questions.count)]
      for result in try network.generate(some.map(\.prompt), options: options) {
        let text = tokenizer.decode(result.tokens)
        let line = text.split(separator: "\n").first { !$0.allSatisfy(\.isWhitespace) }
        answers.append(line.map { Self.trimmed($0) } ?? "")
      }
      done(answers.count)
    }
    return answers
  }

  /// The mean ROUGE of answers, in the order of `questions`.
  public func rouge(_ answers: [String]) -> (one: Double, longest: Double) {
    var (one, longest) = (0.0, 0.0)
    for (question, answer) in zip(questions, answers) {
      let rouge = Rouge(of: answer, reference: question.gold)
      one += rouge.one
      longest += rouge.longest
    }
    let count = Double(max(questions.count, 1))
    return (one / count, longest / count)
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
