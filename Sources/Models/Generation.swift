import Formats
import Kernels

/// Stores how texts are continued.
public struct GenerationOptions: Sendable {
  /// Tokens added at most.
  public var maximumTokens: Int
  /// 0 always takes the likeliest token.
  public var temperature: Double
  /// How many of the likeliest tokens are drawn from; 0 for all.
  public var topK: Int
  /// The probability mass of the likeliest tokens that are drawn from; 1 for all.
  public var topP: Double
  /// Tokens less likely than this share of the likeliest one's probability are not drawn; 0 for all.
  public var minP = 0.0
  /// What logits of tokens that occurred already are divided by, or multiplied with where they are
  /// negative (Keskar et al. 2019); 1 for nothing.
  public var repetitionPenalty = 1.0
  public var seed: UInt64
  /// Tokens that end a text; they are not part of the result.
  public var stop: Set<Int32>

  public init(
    maximumTokens: Int = 128, temperature: Double = 0, topK: Int = 0, topP: Double = 1,
    seed: UInt64 = 0, stop: Set<Int32> = []
  ) {
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.stop = stop
  }
}

/// Stores a continuation and why it ended.
public struct Continuation: Sendable, Equatable {
  public enum End: String, Sendable { case stop, length }

  public var tokens: [Int32] = []
  public var end = End.length
}

extension Network {
  /// Continues prompts, all at once.
  /// - Parameter step: called with each new token, its sequence first.
  /// - Throws: `ModelError` for an empty prompt, or one longer than the model's positions.
  public func generate(
    _ prompts: [[Int32]], options: GenerationOptions,
    step: ((_ sequence: Int, _ token: Int32) -> Void)? = nil
  ) throws(ModelError) -> [Continuation] {
    var results = [Continuation](repeating: Continuation(), count: prompts.count)
    guard prompts.allSatisfy({ !$0.isEmpty }) else { throw .emptyPrompt }
    let batch = try Batch(
      prompts.map { TokenSample(ids: $0, labels: Array(repeating: -100, count: $0.count)) },
      config: model.config)
    guard !prompts.isEmpty, options.maximumTokens > 0 else { return results }
    let limit = model.config.maximumPositions
    var active = Array(prompts.indices)
    var sequences = prompts.map { prompt in
      TokenSequence(
        model: model, adapter: adapter,
        capacity: min(limit, prompt.count + min(limit, options.maximumTokens)))
    }
    var samplers = active.map { Sampler(options: options, sequence: $0) }
    var logits = prefill(batch, sequences)
    let v = model.config.vocabularySize
    while true {
      var tokens: [Int32] = []
      var going: [Int] = []
      for (row, sequence) in active.enumerated() {
        let token = samplers[sequence].choose(
          UnsafeBufferPointer(start: logits.pointer + row * v, count: v))
        if options.stop.contains(token) {
          results[sequence].end = .stop
          continue
        }
        results[sequence].tokens.append(token)
        step?(sequence, token)
        let room = prompts[sequence].count + results[sequence].tokens.count <= limit
        if results[sequence].tokens.count < options.maximumTokens, room {
          tokens.append(token)
          going.append(row)
        }
      }
      if going.isEmpty { return results }
      sequences = going.map { sequences[$0] }
      active = going.map { active[$0] }
      logits = inference.decode(tokens, of: sequences)
    }
  }

  /// Fills caches with prompts, all in one pass.
  /// - Returns: the logits behind each prompt's last token, [prompts, vocabulary].
  private func prefill(_ batch: Batch, _ sequences: [TokenSequence]) -> FloatBuffer {
    func rows(_ s: Int) -> Range<Int> { Int(batch.starts[s])..<Int(batch.starts[s + 1]) }
    let a = forward(batch, back: false) { layer, keys, values in
      for (s, sequence) in sequences.enumerated() {
        sequence.cache.append(layer: layer, keys: keys, values: values, rows: rows(s))
      }
    }
    for (s, sequence) in sequences.enumerated() {
      sequence.cache.length += rows(s).count
      sequence.tokens += batch.ids[rows(s)]
    }
    return logits(a, rows: sequences.indices.map { rows($0).upperBound - 1 })
  }
}
