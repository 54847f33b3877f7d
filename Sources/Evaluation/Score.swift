public import Bytes

/// Stores how well a model foresaw a text.
public struct Score: Equatable, Sendable {
  /// Σ −log p over the tokens, in nats.
  public var nats: Double
  /// Tokens that were scored.
  public var tokens: Int
  /// UTF-8 bytes behind them.
  public var bytes: Int

  public init(nats: Double = 0, tokens: Int = 0, bytes: Int = 0) {
    self.nats = nats
    self.tokens = tokens
    self.bytes = bytes
  }

  /// The mean per token, in nats; 0 for no tokens.
  public var loss: Double { tokens > 0 ? nats / Double(tokens) : 0 }

  /// Comparable between models whose tokenizers differ; nil where the bytes are not known.
  public var bitsPerByte: Double? {
    bytes > 0 ? nats / 0.693147180559945309 / Double(bytes) : nil
  }

  public static func + (a: Score, b: Score) -> Score {
    Score(nats: a.nats + b.nats, tokens: a.tokens + b.tokens, bytes: a.bytes + b.bytes)
  }

  /// As in `metrics.json`; `bits_per_byte` is null where the bytes are not known.
  public var json: JSON {
    [
      "loss": .double(loss), "tokens": .int(tokens),
      "bits_per_byte": bitsPerByte.map { .double($0) } ?? .null,
    ]
  }
}
