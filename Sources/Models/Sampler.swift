import Bytes
import Kernels

/// Chooses the next token from logits.
struct Sampler {
  let options: GenerationOptions
  var random: SeededRandom

  /// - Parameter sequence: which of the prompts it serves, so that each draws numbers of its own.
  init(options: GenerationOptions, sequence: Int) {
    self.options = options
    random = SeededRandom(seed: options.seed, purpose: "sequence \(sequence)")
  }

  /// Chooses as `choose` does, after the logits of tokens that occurred were pressed down in place.
  mutating func choose(
    _ logits: UnsafeMutableBufferPointer<Float>, after seen: Set<Int32>
  ) -> Int32 {
    let penalty = Float(options.repetitionPenalty)
    if penalty != 1 {
      for id in seen {
        let logit = logits[Int(id)]
        logits[Int(id)] = logit > 0 ? logit / penalty : logit * penalty
      }
    }
    return choose(UnsafeBufferPointer(logits))
  }

  /// The likeliest token, or one drawn after temperature, top-k, top-p and min-p.
  mutating func choose(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    guard options.temperature > 0 else { return Self.likeliest(logits) }
    let k = options.topK > 0 ? min(options.topK, logits.count) : logits.count
    var candidates = Self.largest(k, of: logits)
    guard let first = candidates.first else { return Self.likeliest(logits) }
    let top = Double(first.logit)
    var weights = candidates.map { Kernels.exp((Double($0.logit) - top) / options.temperature) }
    if options.topP < 1 {
      let total = weights.reduce(0, +)
      var mass = 0.0
      var kept = 0
      while kept < weights.count, kept == 0 || mass < options.topP * total {
        mass += weights[kept]
        kept += 1
      }
      candidates.removeLast(candidates.count - kept)
      weights.removeLast(weights.count - kept)
    }
    if options.minP > 0 {
      // The first weight, the largest, is 1.
      let kept = max(1, weights.prefix { $0 >= options.minP }.count)
      candidates.removeLast(candidates.count - kept)
      weights.removeLast(weights.count - kept)
    }
    var point = random.uniform() * weights.reduce(0, +)
    for (candidate, weight) in zip(candidates, weights) {
      point -= weight
      if point < 0 { return candidate.id }
    }
    return candidates[candidates.count - 1].id
  }

  /// The first of the largest.
  static func likeliest(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for i in 1..<logits.count where logits[i] > logits[best] { best = i }
    return Int32(best)
  }

  /// The k largest, largest first, equal ones by id.
  static func largest(
    _ k: Int, of logits: UnsafeBufferPointer<Float>
  ) -> [(id: Int32, logit: Float)] {
    // The k-th largest found by bisection over the values spares a sort of the whole vocabulary.
    var floor = -Float.infinity
    if k < logits.count {
      var low = logits.min() ?? 0
      var high = logits.max() ?? 0
      for _ in 0..<24 {
        let middle = low + (high - low) / 2
        if logits.lazy.filter({ $0 >= middle }).count >= k { low = middle } else { high = middle }
      }
      floor = low
    }
    var found: [(id: Int32, logit: Float)] = []
    for (id, logit) in logits.enumerated() where logit >= floor { found.append((Int32(id), logit)) }
    found.sort { ($1.logit, $0.id) < ($0.logit, $1.id) }
    if found.count > k { found.removeLast(found.count - k) }
    return found
  }
}
