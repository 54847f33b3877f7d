import Bytes
import Corpus
import Encoding
import Evaluation
import Formats
import Kernels
import Models
import Persona
import StageKit
import Tokenizers

/// Measures what a personal model gained on texts that nothing else has seen.
@main enum Evaluate: Stage {
  static let name = "evaluate"
  static let version = 9
  static let summary = "Measures base, adapters and the shipped model on held-out text."

  static let inputs = [
    Input(
      "base", kind: "model", optional: true,
      help: "The base, with its tokenizer where records are given."),
    Input("tokens", kind: "tokens", optional: true, help: "Tokens to be scored."),
    Input("test", kind: "records", optional: true, help: "Or records: the user's test texts."),
    Input(
      "validation", kind: "records", optional: true,
      help: "The user's validation texts, by which package decides what a bundle ships."),
    Input("adapter", kind: "adapter", optional: true, help: "The personal adapter."),
    Input(
      "control", kind: "adapter", optional: true,
      help: "An adapter trained on the real texts alone, for comparison."),
    Input("index", kind: "index", optional: true, help: "The user's retrieval index."),
    Input("shipped", kind: "gguf", optional: true, help: "The quantised model, as shipped."),
    Input("adapters", kind: "adapter", optional: true, help: "Of many users, for the table."),
    Input("tests", kind: "records", optional: true, help: "Of the same users, for the table."),
    Input("metrics", kind: "metrics", optional: true, help: "Of many users, for the summary."),
  ]
  static let outputs = [
    Output("metrics", kind: "metrics", optional: true, help: "metrics.json: every arm's scores."),
    Output(
      "continuations", kind: "text", optional: true, help: "Openings continued, side by side."),
    Output(
      "answers", kind: "answers", optional: true,
      help: "What every arm answered, as LaMP outputs files."),
    Output("table", kind: "table", optional: true, help: "Losses, adapters × users."),
    Output(
      "summary", kind: "table", optional: true,
      help: "Means over users, and paired differences with their intervals."),
    Output(
      "logits", kind: "tensors", optional: true, help: "Logits of every position, with keep_logits."
    ),
  ]

  static let window = Parameter(
    "window", default: 0, in: 0...1_048_576, help: "Most tokens of a piece; 0 = the positions.")
  static let examples = Parameter(
    "examples", default: 3, in: 0...1000, help: "Openings continued side by side.")
  static let exampleTokens = Parameter(
    "example_tokens", default: 60, in: 1...4096, help: "Tokens of a continuation.")
  static let answerTokens = Parameter(
    "answer_tokens", default: 48, in: 0...4096,
    help: "Most tokens of an answer, where the test asks questions; 0 = none are answered.")
  static let retrieve = Parameter(
    "retrieve", default: "1",
    help: "How many records an arm with retrieval puts before a text; a comma list gives an arm "
      + "each: the first base+retrieval, a further one of 4 base+retrieval-4.")
  static let against = Parameter(
    "against", default: "base,base+retrieval",
    help: "Arms that the summary holds all others against.")
  static let seed = Parameter(
    "seed", default: 1, in: 0...Int.max, help: "Seed of continuations and of the summary.")
  static let tableUsers = Parameter(
    "table_users", default: 16, in: 1...10000,
    help: "Users in the table at most, the first by name: it has users² cells.")
  static let keepLogits = Parameter(
    "keep_logits", default: false, help: "Also writes the logits of every position.")
  static let precision = Parameter(
    "precision", default: "f32", oneOf: Precision.allCases.map(\.rawValue),
    help: "What operands of products are rounded to when losses are measured.")
  static let threads = Parameter(
    "threads", default: 0, in: 0...256, help: "Threads; 0 is one per core. Changes no result.",
    execution: true)
  static let parameters: [any ParameterDeclaration] = [
    window, examples, exampleTokens, answerTokens, retrieve, against, seed, tableUsers, keepLogits,
    precision, threads,
  ]
  static let resources = Resources(cores: 2, memory: 512 << 20)
  static var refusedKernels: String? { Kernels.refusedVariant }

  /// A network as the action's precision wants it.
  static func network(
    _ model: LanguageModel, adapter: Adapter? = nil, _ context: StageContext
  ) -> Network {
    Network(model, adapter: adapter, precision: Precision(rawValue: context[precision]) ?? .f32)
  }

  /// The most tokens of a piece.
  static func window(_ config: ModelConfig, _ context: StageContext) -> Int {
    let most = config.maximumPositions
    return context[window] > 0 ? min(context[window], most) : most
  }

  static func run(_ context: StageContext) async throws {
    if let metrics = context.optionalInput("metrics") {
      try Summary(context: context).write(metrics)
      return
    }
    Kernels.threads = context[threads]
    Kernels.exitWithoutMemory(code: 75)
    context.progress(["kernels": .string(Kernels.variant)])
    let base = try context.input("base")
    let folder = try ModelFolder(paths: base.filePaths) { try base.map($0) }
    let model = try context.keep("base", for: base.digest) { try LanguageModel(folder) }
    if let adapters = context.optionalInput("adapters") {
      guard let tests = context.optionalInput("tests") else { throw EvaluateError.noTests }
      try CrossTable(base: base, model: model, context: context)
        .write(adapters: adapters, tests: tests)
    } else {
      try Arms(base: base, model: model, context: context).write()
    }
  }
}

/// Says why nothing could be measured, as facts.
enum EvaluateError: StageFailure, Equatable, CustomStringConvertible {
  case nothingToScore
  case noTests
  case emptyTest
  case badCounts(String)

  var exitCode: Int32 {
    switch self {
    case .nothingToScore, .noTests, .badCounts: 2
    case .emptyTest: 1
    }
  }

  var description: String {
    switch self {
    case .nothingToScore: "nothing to score · neither tokens nor test is given · give one of them"
    case .noTests: "adapters without tests · the table needs both · give tests too"
    case .badCounts(let text):
      "retrieve is '\(text)' · numbers from 1 to 64 with commas between are meant, as in 1,4"
    case .emptyTest: "nothing to score · the test texts are empty · check the user's split"
    }
  }
}

extension InputArtifact {
  /// The paths of a tree, or the one empty path of a single file.
  var filePaths: [String] { isTree ? paths : [""] }
}
