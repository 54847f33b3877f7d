import ArgumentParser
import Bytes
import Foundation
import Kernels
import Models
import PersonalLM

/// Continues a text with a personal model, offline.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Continues a text with a user's model, or with any model.",
    usage: """
      plm run USER PROMPT [options]
             plm run --model PATH PROMPT [options]
             plm run --bundle FOLDER PROMPT [options]
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var model: ModelArguments
  @OptionGroup var text: TextArguments

  @Argument(help: "The user, unless --model or --bundle is given; then the text to go on from.")
  var words: [String] = []

  @Option(help: "A text that could go on from the prompt; the likeliest of several is chosen.")
  var choice: [String] = []

  mutating func validate() throws {
    guard !choice.contains("") else { throw ValidationError("--choice must not be empty.") }
    guard words.count == (model.areGiven ? 1 : 2) else {
      throw ValidationError(
        model.areGiven
          ? "With --model or --bundle, give one prompt." : "plm run needs a user and a prompt.")
    }
  }

  mutating func run() async throws {
    Kernels.threads = text.threads
    let opened = try PersonalModel.open(
      model, user: words.count > 1 ? words[0] : nil, common)
    let prompt = words[words.count - 1]
    if !choice.isEmpty {
      try await choose(opened, prompt)
      return
    }
    var tokens: [Piece.Token] = []
    var written = ""
    var end: Piece.End?
    for try await piece in opened.generate(prompt, options: text.options) {
      tokens += piece.tokens
      written += piece.text
      end = piece.end
      if !common.json { Terminal.write(piece.text) }
    }
    if !common.json {
      // A file gets the text and nothing else.
      if isatty(1) == 1 { Terminal.write("\n") }
      return
    }
    Terminal.write(
      [
        "prompt": .string(prompt),
        "prompt_ids": .array(
          opened.prompt(prompt, options: text.options).ids.map { .int(Int($0)) }),
        "ids": .array(tokens.map { .int(Int($0.id)) }),
        "text": .string(written),
        "end": .string(end?.rawValue ?? ""),
        "kernels": .string(Kernels.variant),
      ] as JSON)
  }

  private func choose(_ opened: PersonalModel, _ prompt: String) async throws {
    let choices = try await opened.choose(prompt, among: choice, options: text.options)
    let best = choices.max { $0.logprob < $1.logprob }
    guard common.json else {
      Terminal.write((best?.text ?? "") + (isatty(1) == 1 ? "\n" : ""))
      return
    }
    Terminal.write(
      [
        "prompt": .string(prompt), "text": .string(best?.text ?? ""),
        "scores": .array(
          choices.map {
            [
              "text": .string($0.text), "logprob": .double($0.logprob),
              "probability": .double($0.probability),
            ]
          }),
      ] as JSON)
  }
}
