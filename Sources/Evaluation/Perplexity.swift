public import Bytes
import Formats
import Kernels
public import Models

/// Stores how well a model foresees a running text, measured as llama.cpp's perplexity tool does:
/// the text is cut into windows, and of each the second half is scored, so that every token scored
/// has at least half a window before it.
public struct Perplexity: Equatable, Sendable {
  /// Windows that were scored.
  public let windows: Int
  /// Σ −log p over the scored tokens, how many there are, and the bytes behind them.
  public let score: Score
  /// How far the mean may be off by the choice of windows: one standard error of the loss.
  public let uncertainty: Double

  /// exp of the mean loss.
  public var value: Double { Kernels.exp(score.loss) }

  /// Scores ids.
  /// - Parameters:
  ///   - ids: the text, without what starts it.
  ///   - start: what each window begins with in place of its first token, if the model wants one.
  ///   - context: tokens of a window, an even number.
  ///   - most: windows scored at most; 0 for all.
  ///   - bytes: the bytes behind a token.
  ///   - done: called with the number of windows scored and Σ −log p, tokens so far.
  public init(
    of network: Network, ids: [Int32], start: Int32?, context: Int, most: Int = 0,
    bytes: (Int32) -> Int, done: (Int, Score) -> Void = { _, _ in }
  ) throws(ModelError) {
    let count = ids.count / context
    let windows = most > 0 ? min(most, count) : count
    var score = Score()
    var squares = 0.0
    for window in 0..<windows {
      var piece = Array(ids[window * context..<(window + 1) * context])
      if let start { piece[0] = start }
      var labels = piece
      // Row i predicts label i + 1: the first one scored is predicted from half a window.
      for i in 0...context / 2 { labels[i] = TokenSample.unlabelled }
      let batch = try Batch(
        [TokenSample(ids: piece, labels: labels)], config: network.model.config)
      for loss in network.losses(batch) {
        score.nats += Double(loss)
        squares += Double(loss) * Double(loss)
      }
      score.tokens += batch.targets.count
      score.bytes += batch.targets.reduce(0) { $0 + bytes($1) }
      done(window + 1, score)
    }
    self.windows = windows
    self.score = score
    let variance = squares / Double(max(score.tokens, 1)) - score.loss * score.loss
    uncertainty = (max(variance, 0) / Double(max(score.tokens - 1, 1))).squareRoot()
  }

  public var json: JSON {
    [
      "perplexity": .double(value), "uncertainty": .double(uncertainty * value),
      "loss": .double(score.loss), "bits_per_byte": score.json["bits_per_byte"] ?? .null,
      "tokens": .int(score.tokens), "windows": .int(windows),
    ]
  }
}
