/// Stores a piece of an answer: whole characters, as they become certain.
public struct Piece: Sendable, Equatable {
  /// May be empty where only `end` is told.
  public var text = ""
  /// The tokens this text is of.
  public var tokens: [Token] = []
  /// The tokens of the prompt, in the first piece, where they were asked for.
  public var prompt: [Token] = []
  /// Why the answer ended; nil but for the last piece.
  public var end: End?
  /// What was read and written; nil but for the last piece.
  public var usage: Usage?

  public enum End: String, Sendable {
    /// The model ended the text, or a stop sequence came.
    case stop
    /// As many tokens as were asked for, or as the model has positions.
    case length
  }

  /// Stores how many tokens an answer took.
  public struct Usage: Sendable, Equatable {
    public var prompt = 0
    /// Of these, how many had been read before.
    public var reused = 0
    public var completion = 0

    public init(prompt: Int = 0, reused: Int = 0, completion: Int = 0) {
      self.prompt = prompt
      self.reused = reused
      self.completion = completion
    }
  }

  /// Stores a token and what the model thought of it.
  public struct Token: Sendable, Equatable {
    public var id: Int32
    public var bytes: [UInt8]
    /// Its natural log-probability; nil if not asked for, and for a prompt's first token.
    public var logprob: Float?
    /// The likeliest tokens in its place, likeliest first.
    public var likeliest: [Token] = []

    /// The token as text; what is only part of a character becomes U+FFFD.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
  }
}
