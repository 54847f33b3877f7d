import Models

/// Stores how a text is continued.
public struct TextOptions: Sendable, Equatable {
  /// Tokens added at most; the model's last position ends a text too.
  public var maximumTokens = 128
  /// 0 always takes the likeliest token.
  public var temperature = 0.7
  /// How many of the likeliest tokens are drawn from; 0 for all.
  public var topK = 40
  /// The probability mass of the likeliest tokens that are drawn from; 1 for all.
  public var topP = 0.95
  /// Tokens less likely than this share of the likeliest one's probability are not drawn; 0 for all.
  public var minP = 0.0
  /// What presses down tokens that occurred already; 1 for nothing.
  public var repetitionPenalty = 1.0
  /// The same seed gives the same text.
  public var seed: UInt64 = 1
  /// Which of several texts of one seed this is.
  public var draw = 0
  /// Texts that end the answer; they are not part of it.
  public var stop: [String] = []
  /// How many of the likeliest tokens are told beside each token; nil for no log-probabilities.
  public var logprobs: Int?
  /// Whether the tokens of the prompt are told too, with their log-probabilities.
  public var tellsPrompt = false
  /// Whether one of the user's own texts is put before the prompt; nil does what the bundle ships.
  public var retrieval: Bool?
  /// Positions that such a text leaves for what goes on behind the prompt; nil for as many as an answer
  /// may have, a quarter of the model's at most.
  package var room: Int?

  public init() {}

  /// Always the likeliest token.
  public static func greedy(maximumTokens: Int = 128) -> TextOptions {
    var options = TextOptions()
    options.temperature = 0
    options.maximumTokens = maximumTokens
    return options
  }

  func generation(stop: Set<Int32>) -> GenerationOptions {
    var options = GenerationOptions(
      maximumTokens: maximumTokens, temperature: temperature, topK: topK, topP: topP, seed: seed,
      stop: stop)
    options.minP = minP
    options.repetitionPenalty = repetitionPenalty
    return options
  }
}
