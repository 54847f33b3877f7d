import StageKit

/// Says why training could not start or go on, as facts.
enum TrainError: Error, Equatable {
  case nothingToLearn(samples: Int)
  case notFinite(step: Int, quantity: String, learningRate: Double)
  case exploded(step: Int, loss: Double, limit: Double, learningRate: Double)
  case contradiction(parameter: String, asked: String, adapter: String)
  case unknownTarget(String, known: [String])
  case sampleTooLong(sample: Int, tokens: Int, positions: Int)
  case adapterWithFull
  case doraWithFull
  case onlyWith(method: String, setting: String)
  case beyondF16(Float)
}

extension TrainError: StageFailure, CustomStringConvertible {
  var exitCode: Int32 {
    switch self {
    case .contradiction, .unknownTarget, .adapterWithFull, .doraWithFull, .onlyWith: 2
    case .nothingToLearn, .notFinite, .exploded, .sampleTooLong, .beyondF16: 1
    }
  }

  var description: String {
    switch self {
    case .nothingToLearn(let samples):
      "nothing to learn · \(samples) samples, none with a label · "
        + "check the tokens' labels, and that the user has texts left after the split"
    case .notFinite(let step, let quantity, let learningRate):
      "training exploded · \(quantity) is not a finite number at step \(step), "
        + "learning rate \(learningRate) · set a lower learning_rate, or clip=1; nothing was saved"
    case .exploded(let step, let loss, let limit, let learningRate):
      "training exploded · loss \(loss) at step \(step), learning rate \(learningRate); three times "
        + "the cost of guessing, or of the first step, is \(limit) · set a lower learning_rate, a "
        + "longer warmup, or clip=1; nothing was saved"
    case .contradiction(let parameter, let asked, let adapter):
      "\(parameter)=\(asked) contradicts the adapter to start from, which has \(adapter) · "
        + "leave \(parameter) out, or start without the adapter"
    case .unknownTarget(let target, let known):
      "unknown target \(target) · choose from \(known.joined(separator: ", ")), or all-linear"
    case .sampleTooLong(let sample, let tokens, let positions):
      "sample too long · sample \(sample) has \(tokens) tokens, the limit is \(positions) · "
        + "tokenise with a window of at most \(positions)"
    case .adapterWithFull:
      "method=full trains the base's own weights and has no use for an adapter · leave the input "
        + "adapter out, or go on from it with method=lora"
    case .doraWithFull:
      "method=full trains the base's own weights, whose rows' lengths are theirs already · leave "
        + "dora out, or train an adapter with method=lora"
    case .onlyWith(let method, let setting):
      "\(setting) does nothing here · it is a setting of method=\(method) · leave it out, or set "
        + "method=\(method)"
    case .beyondF16(let value):
      "a weight does not fit its type · \(value) is beyond F16's 65504 · store BF16 or F32 "
        + "(weights_type)"
    }
  }
}
