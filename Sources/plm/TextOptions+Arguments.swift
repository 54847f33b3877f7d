import ArgumentParser
import PersonalLM

/// How texts are continued, for the verbs that do.
struct TextArguments: ParsableArguments {
  @Option(help: "Most tokens to add.")
  var tokens = 128

  @Option(help: "0 always takes the likeliest token.")
  var temperature = 0.7

  @Option(help: "How many of the likeliest tokens are drawn from; 0 for all.")
  var topK = 40

  @Option(help: "The probability mass of the likeliest tokens that are drawn from.")
  var topP = 0.95

  @Option(help: "Leaves out tokens less likely than this share of the likeliest one.")
  var minP = 0.0

  @Option(help: "Presses down tokens that occurred already; 1 for nothing.")
  var repetitionPenalty = 1.0

  @Option(help: "Seed of what is drawn.")
  var seed: UInt64 = 1

  @Option(help: "A text that ends the answer; may be given several times.")
  var stop: [String] = []

  @Flag(
    inversion: .prefixedNo,
    help: "Puts the text of the user's own that fits best before the prompt (else as shipped).")
  var retrieval: Bool?

  @Option(help: "Threads; 0 is one per core.")
  var threads = 0

  func validate() throws {
    guard tokens >= 0, temperature >= 0, topK >= 0, threads >= 0, repetitionPenalty > 0 else {
      throw ValidationError(
        "tokens, temperature, top-k and threads must not be negative, the penalty above 0.")
    }
    guard topP > 0, topP <= 1, (0...1).contains(minP) else {
      throw ValidationError("top-p and min-p must be in 0…1, top-p above 0.")
    }
  }

  var options: TextOptions {
    var options = TextOptions()
    options.maximumTokens = tokens
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.minP = minP
    options.repetitionPenalty = repetitionPenalty
    options.seed = seed
    options.stop = stop
    options.retrieval = retrieval
    return options
  }
}
