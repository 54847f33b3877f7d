public import Bytes
import Corpus

/// Writes with a plain language model, which can follow no instructions: it is shown some of the
/// user's own texts, each ended by the end-of-text token, and goes on.
public struct LocalTeacher<Generator: TextGenerator>: Teacher {
  private let generator: Generator
  private let seed: UInt64
  private let openingWords: Int
  private let options: JSON

  /// How many prompts are continued at once. Fixed: a model draws its numbers by batch and place.
  public let batchSize = 16

  /// - Parameters:
  ///   - openingWords: how many words of its subject a new text starts with.
  ///   - options: how the generator writes; part of the request.
  public init(_ generator: Generator, options: JSON, openingWords: Int, seed: UInt64) {
    self.generator = generator
    self.options = options
    self.openingWords = openingWords
    self.seed = seed
  }

  public var name: String { generator.identity }

  public func request(for assignment: Assignment) -> JSON {
    let prompt = prompt(for: assignment)
    return [
      "teacher": .string(generator.identity), "options": options,
      "documents": .array(prompt.documents.map { .string($0) }),
      "opening": .string(prompt.opening), "as_long_as": .string(prompt.asLongAs),
      "seed": .string(String(seed(of: assignment.number / batchSize))),
      "place": .int(assignment.number % batchSize),
    ]
  }

  /// What the model sees: examples in the form they are trained on.
  func prompt(for assignment: Assignment) -> ContinuationPrompt {
    let subject = Rendering(assignment.subject)
    return ContinuationPrompt(
      documents: assignment.examples.map { example in
        let rendering = Rendering(example)
        return rendering.prompt + rendering.completion
      },
      opening: assignment.isTask
        ? subject.prompt : Self.opening(of: subject.completion, words: openingWords),
      asLongAs: subject.completion)
  }

  public func answer(
    _ batch: [TeacherRequest], missing: [Int],
    keep: @escaping @Sendable (_ place: Int, _ reply: String) throws -> Void
  ) async throws {
    // The whole batch, also where one reply alone is missing: it must not come out otherwise.
    let prompts = batch.map { request in
      ContinuationPrompt(
        documents: request.content["documents"]?.arrayValue?.compactMap(\.stringValue) ?? [],
        opening: request.content["opening"]?.stringValue ?? "",
        asLongAs: request.content["as_long_as"]?.stringValue ?? "")
    }
    let seed = batch.first?.content["seed"]?.stringValue.flatMap { UInt64($0) } ?? seed
    let texts = try await generator.continuations(of: prompts, seed: seed)
    for (place, text) in texts.enumerated() {
      let reply: JSON = ["complete": .bool(text.isComplete), "text": .string(text.text)]
      try keep(place, reply.text)
    }
  }

  public func drafts(in reply: String, for assignment: Assignment) -> [Draft]? {
    guard let json = try? JSON(parsing: reply), let text = json["text"]?.stringValue else {
      return nil
    }
    let prompt = prompt(for: assignment)
    if assignment.isTask {
      let line = text.split(whereSeparator: \.isNewline).first { !$0.allSatisfy(\.isWhitespace) }
      return [
        Draft(prompt: prompt.opening, completion: (line.map(String.init) ?? "").trimmingSpace)
      ]
    }
    let whole = prompt.opening + text
    let isComplete = json["complete"]?.boolValue ?? false
    return [Draft(completion: (isComplete ? whole : Self.endingWell(whole)).trimmingSpace)]
  }

  private func seed(of batch: Int) -> UInt64 {
    var random = SeededRandom(seed: seed, purpose: "batch \(batch)")
    return random.next()
  }

  /// The first words of a text, never more than half of it.
  static func opening(of text: String, words: Int) -> String {
    var count = 0
    var end = text.startIndex
    var inWord = false
    let half = text.index(text.startIndex, offsetBy: text.count / 2)
    for at in text.indices {
      let isSpace = text[at].isWhitespace
      if inWord, isSpace {
        count += 1
        end = at
        if count >= words { break }
      }
      if at >= half { break }
      inWord = !isSpace
    }
    return words > 0 ? String(text[..<end]) : ""
  }

  /// A text up to the end of its last whole sentence, where it has one in its second half.
  static func endingWell(_ text: String) -> String {
    let sentences = Sentences.divide(text)
    guard sentences.count > 1, let last = sentences.last else { return text }
    if let mark = last.last(where: { !$0.isWhitespace && !"\"'”’»)]*_".contains($0) }),
      ".!?…".contains(mark)
    {
      return text
    }
    let kept = text[..<last.startIndex]
    return kept.count * 2 >= text.count ? String(kept) : text
  }
}

extension String {
  /// The text without white space at its ends.
  var trimmingSpace: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }),
      let last = lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(self[first...last])
  }
}
