import ArgumentParser

/// Names the model to use where it is no user's.
struct ModelArguments: ParsableArguments {
  @Option(help: "A model folder or file to use instead of a user's bundle (HF, GGUF, llama2.c).")
  var model: String?

  @Option(help: "A PEFT adapter folder to use with --model.")
  var adapter: String?

  @Option(help: "A bundle's folder to use instead of the store.")
  var bundle: String?

  /// Whether no user need be named.
  var areGiven: Bool { model != nil || bundle != nil }

  mutating func validate() throws {
    if adapter != nil, model == nil { throw ValidationError("--adapter goes with --model.") }
    if model != nil, bundle != nil {
      throw ValidationError("--model and --bundle exclude each other.")
    }
  }
}
