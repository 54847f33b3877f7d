/// Stores what a record or sample looks like to a model: what is given, and what is to be learned.
///
/// The rule, one paragraph per kind of source, is the page `Rendering` of this module's
/// documentation. Training, evaluation and teachers all use this one rule.
public struct Rendering: Equatable, Sendable {
  /// What is given; carries no loss. Empty for free text, otherwise it ends in a line break.
  public let prompt: String
  /// What is to be learned.
  public let completion: String

  /// Renders a record.
  public init(_ record: Record) {
    if let input = record.input, let output = record.output {
      self.init(question: input, completion: output)
    } else if let task = record.task, let wording = TaskWording(task: task),
      let answer = record.output ?? record.title
    {
      self.init(question: wording.opening + record.text, completion: answer)
    } else {
      self.init(prompt: "", completion: record.text)
    }
  }

  /// Renders a sample, which holds both parts already.
  public init(_ sample: Sample) {
    if sample.prompt.isEmpty {
      self.init(prompt: "", completion: sample.completion)
    } else {
      self.init(question: sample.prompt, completion: sample.completion)
    }
  }

  /// The tokens of what was asked and answered, as an example that stands before a text; where there
  /// is too little room the question loses its end, and the answer stays.
  /// - Parameters:
  ///   - room: the most tokens.
  ///   - encode: turns a text into tokens; told whether it goes on from another.
  public func tokens(room: Int, encode: (_ text: String, _ goesOn: Bool) -> [Int32]) -> [Int32] {
    let answer = encode(completion, !prompt.isEmpty)
    guard !prompt.isEmpty else { return Array(answer.prefix(room)) }
    let question = encode(prompt, false)
    let given = max(room - answer.count, 0)
    // The last token of a question is the line break before the answer.
    let fitted =
      question.count <= given
      ? question : question.prefix(max(given - 1, 0)) + question.suffix(min(given, 1))
    return Array((fitted + answer).prefix(room))
  }

  private init(question: String, completion: String) {
    self.init(
      prompt: question.utf8.last == UInt8(ascii: "\n") ? question : question + "\n",
      completion: completion)
  }

  private init(prompt: String, completion: String) {
    self.prompt = prompt
    self.completion = completion
  }
}
