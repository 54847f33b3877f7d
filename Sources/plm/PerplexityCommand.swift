import ArgumentParser
import Bytes
import Evaluation
import Foundation
import Kernels
import Models
import PersonalLM
import Tokenizers

/// Measures how well a model foresees a text.
struct PerplexityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity",
    abstract: "Measures how well a model foresees a text, as llama.cpp's perplexity tool does.",
    discussion: """
      The text is cut into windows, each begun with what starts a text where the model wants it; the \
      second half of each window is scored.
      """)

  @Argument(help: "A model folder or file (HF, GGUF, llama2.c).")
  var model: String

  @Argument(help: "A text file.")
  var text: String

  @Option(help: "A PEFT adapter folder to use with it.")
  var adapter: String?

  @Option(help: "Tokens of a window.")
  var context = 512

  @Option(help: "Windows scored at most; 0 for all.")
  var windows = 0

  @Option(help: "What operands of products are rounded to: f32 or bf16.")
  var precision = "f32"

  @Option(help: "Threads; 0 is one per core.")
  var threads = 0

  @Flag(help: "Prints JSON.")
  var json = false

  mutating func validate() throws {
    guard context >= 4, context.isMultiple(of: 2), windows >= 0, threads >= 0 else {
      throw ValidationError(
        "context must be an even number from 4 on; windows and threads must not be negative.")
    }
    guard Precision(rawValue: precision) != nil else {
      throw ValidationError("precision is f32 or bf16.")
    }
  }

  mutating func run() throws {
    Kernels.threads = threads
    let path = CommonOptions.absolute(text)
    guard let content = FileManager.default.contents(atPath: path) else {
      throw UsageProblem("there is no text at \(path)")
    }
    let opened = try PersonalModel.open(model: model, adapter: adapter)
    let tokenizer = opened.base.tokenizer
    let ids = tokenizer.encode(String(decoding: content, as: UTF8.self))
    guard ids.count >= context else {
      throw UsageProblem(
        "the text has \(ids.count) tokens, less than one window of \(context); see --context")
    }
    let network = Network(
      opened.base.model, adapter: opened.adapter, precision: Precision(rawValue: precision) ?? .f32)
    let all = windows > 0 ? min(windows, ids.count / context) : ids.count / context
    let isShown = isatty(2) == 1
    let perplexity = try Perplexity(
      of: network, ids: ids, start: tokenizer.prefixIDs.first, context: context, most: windows,
      bytes: { tokenizer.bytes(of: $0).count }
    ) { window, score in
      if isShown {
        let words = "\(window) of \(all) windows, perplexity \(Self.short(Kernels.exp(score.loss)))"
        Terminal.tell("\r\(words)  ")
      }
    }
    if isShown { Terminal.tell("\n") }
    if json {
      Terminal.write(perplexity.json.text + "\n")
      return
    }
    Terminal.write(
      """
      perplexity \(Self.short(perplexity.value)) ± \
      \(Self.short(perplexity.uncertainty * perplexity.value))
      bits per byte \(Self.short(perplexity.score.bitsPerByte ?? 0))
      \(perplexity.score.tokens) tokens in \(perplexity.windows) windows of \(context)

      """)
  }

  private static func short(_ number: Double) -> String { String(format: "%.4f", number) }
}
