public import Corpus

/// Stores one thing that a teacher is to write, and what it may look at.
public struct Assignment: Equatable, Sendable {
  /// Its place in the plan, from 0.
  public let number: Int
  /// The user's own records that are shown.
  public let examples: [Record]
  /// A record that is not shown: the new text starts like it and is about as long, or answers its
  /// question.
  public let subject: Record

  public init(number: Int, examples: [Record], subject: Record) {
    self.number = number
    self.examples = examples
    self.subject = subject
  }

  /// The task of the subject; nil for free text.
  public var task: String? { isTask ? subject.task : nil }

  /// Whether a question is answered, rather than a text written.
  public var isTask: Bool { !Rendering(subject).prompt.isEmpty }
}
