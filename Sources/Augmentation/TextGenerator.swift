/// Continues texts; a language model behind a tokenizer, or a stand-in for tests.
public protocol TextGenerator: Sendable {
  /// Names the model with all that changes what it writes.
  var identity: String { get }
  /// Continues each prompt; the result depends on the prompts, their order and the seed alone.
  func continuations(
    of prompts: [ContinuationPrompt], seed: UInt64
  ) async throws -> [GeneratedText]
}

/// Stores what a model sees before it goes on.
public struct ContinuationPrompt: Equatable, Sendable {
  /// Whole texts, each to be ended by the end-of-text token; the first ones may be left out where
  /// the model's window is short.
  public var documents: [String]
  /// The start of the text that is to be continued.
  public var opening: String
  /// A text that is about as long as the continuation should be.
  public var asLongAs: String

  public init(documents: [String], opening: String, asLongAs: String) {
    self.documents = documents
    self.opening = opening
    self.asLongAs = asLongAs
  }
}

/// Stores what a model wrote.
public struct GeneratedText: Equatable, Sendable {
  /// Without the opening.
  public var text: String
  /// Whether the model ended it, rather than the limit.
  public var isComplete: Bool

  public init(_ text: String, isComplete: Bool) {
    self.text = text
    self.isComplete = isComplete
  }
}
