import Formats
import Kernels

extension ContinuousBatch {
  /// A token of a prompt, with its log-probability under a row of logits and the likeliest others.
  func scored(
    _ id: Int32, _ logits: FloatBuffer, row: Int, _ count: Int
  ) -> ScoredToken {
    let logit = logits.pointer[row * config.vocabularySize + Int(id)]
    return ScoredToken(
      id: id, logprob: logit - logTotal(logits, row: row),
      likeliest: likeliest(count, logits, row: row))
  }

  /// The logarithm of the sum of exponentials of a row.
  func logTotal(_ logits: FloatBuffer, row: Int) -> Float {
    let v = config.vocabularySize
    var loss: Float = 0
    // −log p of token 0; with scale 0 the logits stay as they are.
    Kernels.crossEntropy(
      logits: logits.pointer + row * v, losses: &loss, targets: [0], n: 1, v: v, scale: 0)
    return loss + logits.pointer[row * v]
  }

  /// The likeliest tokens of a row, the first ones first.
  func likeliest(
    _ count: Int, _ logits: FloatBuffer, row: Int
  ) -> [ScoredToken.Alternative] {
    guard count > 0 else { return [] }
    let v = config.vocabularySize
    let total = logTotal(logits, row: row)
    let all = UnsafeBufferPointer(start: logits.pointer + row * v, count: v)
    return Sampler.largest(min(count, v), of: all).map {
      ScoredToken.Alternative(id: $0.id, logprob: $0.logit - total)
    }
  }
}
