import ArgumentParser
import Bytes
import Formats
import Foundation
import Kernels
import Models
import PersonalLM

/// Measures how fast a model reads and writes here.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures how fast a model reads prompts and writes on this machine.",
    discussion: """
      Tokens are drawn at random. Reading takes one prompt of --prompt tokens, writing one sequence \
      of --generated tokens from nothing, as llama.cpp's llama-bench does for pp and tg. Both are \
      done once before it counts; what is shown is the median of the rounds.
      """)

  @Argument(help: "A model folder or file (HF, GGUF, llama2.c).")
  var model: String

  @Option(help: "A PEFT adapter folder to use with it.")
  var adapter: String?

  @Option(help: "Tokens of the prompt.")
  var prompt = 512

  @Option(help: "Tokens written.")
  var generated = 128

  @Option(help: "How often each is measured.")
  var rounds = 5

  @Option(help: "Threads; 0 is one per core.")
  var threads = 0

  @Flag(help: "Prints JSON.")
  var json = false

  mutating func validate() throws {
    guard prompt > 0, generated > 0, rounds > 0, threads >= 0 else {
      throw ValidationError("prompt, generated and rounds must be positive, threads not negative.")
    }
  }

  mutating func run() throws {
    Kernels.threads = threads
    let begun = ContinuousClock.now
    let opened = try PersonalModel.open(model: model, adapter: adapter)
    let config = opened.base.model.config
    guard max(prompt, generated) < config.maximumPositions else {
      throw UsageProblem(
        "the model reads \(config.maximumPositions) tokens; ask for fewer with --prompt and --generated"
      )
    }
    _ = try seconds(opened, prompt: 1, generated: 0)
    let cold = (ContinuousClock.now - begun) / .seconds(1)
    var reading: [Double] = []
    var writing: [Double] = []
    for round in 0...rounds {
      let read = try seconds(opened, prompt: prompt, generated: 0).reading
      let written = try seconds(opened, prompt: 1, generated: generated).writing
      guard round > 0 else { continue }
      reading.append(Double(prompt) / read)
      writing.append(Double(generated) / written)
    }
    if json {
      let report: Bytes.JSON = .object([
        "prompt_tokens": .int(prompt), "generated_tokens": .int(generated),
        "prompt_tokens_per_second": .double(Self.median(reading)),
        "generated_tokens_per_second": .double(Self.median(writing)),
        "first_token_seconds": .double(cold), "peak_megabytes": .double(Self.peakMegabytes),
        "kernels": .string(Kernels.variant), "threads": .int(Kernels.threads),
      ])
      Terminal.write(report.text + "\n")
      return
    }
    Terminal.write(
      """
      reading      \(Self.short(Self.median(reading))) tokens/s (a prompt of \(prompt), \(rounds) rounds)
      writing      \(Self.short(Self.median(writing))) tokens/s (\(generated) tokens, \(rounds) rounds)
      first token  \(Self.short(cold * 1000)) ms, opening the model included
      peak memory  \(Self.short(Self.peakMegabytes)) MB, the model's pages included
      \(Kernels.variant) kernels, \(Kernels.threads) threads

      """)
  }

  /// Seconds until a prompt is read and its first token chosen, and from there to the last token.
  private func seconds(
    _ opened: PersonalModel, prompt: Int, generated: Int
  ) throws -> (reading: Double, writing: Double) {
    let vocabulary = Int32(opened.base.model.config.vocabularySize)
    var draw = SeededRandom(seed: 1, purpose: "bench")
    let ids = (0..<prompt).map { _ in Int32.random(in: 0..<vocabulary, using: &draw) }
    // The first new token comes with the prompt.
    let batch = ContinuousBatch(
      opened.base.model, limits: ContinuousBatch.Limits(prefillTokens: prompt))
    _ = try batch.add(
      DecodeRequest(
        prompt: ids, adapter: opened.adapter,
        options: GenerationOptions(maximumTokens: generated + 1)))
    let start = ContinuousClock.now
    _ = batch.step()
    let read = ContinuousClock.now
    while !batch.isIdle { _ = batch.step() }
    return ((read - start) / .seconds(1), (ContinuousClock.now - read) / .seconds(1))
  }

  private static var peakMegabytes: Double {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Double(usage.ru_maxrss) / 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Double(usage.ru_maxrss) / 1_048_576
    #endif
  }

  private static func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }

  private static func short(_ number: Double) -> String { String(format: "%.1f", number) }
}
