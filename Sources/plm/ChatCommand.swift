import ArgumentParser
import Bytes
import ChatTemplates
import Foundation
import Kernels
import Models
import PersonalLM

/// Talks with a personal model, line by line, offline.
struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat", abstract: "Talks with a user's model; what was said before counts.",
    usage: """
      plm chat USER [options]
             plm chat --model PATH [options]
             plm chat --bundle FOLDER [options]
      """,
    discussion: """
      Each line of standard input is said to the model, and what it answers is printed. A model \
      with a chat template answers in turns; one without goes on with what was said, as plm run \
      does. Lines that begin with / are commands: /retrieval on, /retrieval off, /new (forgets what \
      was said), /end. When there is no room left, the oldest turns are left out.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var model: ModelArguments
  @OptionGroup var text: TextArguments

  @Argument(help: "The user, unless --model or --bundle is given.")
  var name: String?

  @Option(help: "What the model is told before the conversation.")
  var system: String?

  mutating func validate() throws {
    guard (name != nil) != model.areGiven else {
      throw ValidationError("Give a user, or --model, or --bundle.")
    }
  }

  mutating func run() async throws {
    Kernels.threads = text.threads
    let opened = try PersonalModel.open(model, user: name, common)
    var options = text.options
    let opening = system.map { [ChatMessage.system($0)] } ?? []
    // No line could be short enough.
    if let count = try? opened.prompt(opening + [.user("?")], options: options).ids.count,
      count > opened.base.positions, !opening.isEmpty
    {
      throw UsageProblem(
        "--system is too long for the model: \(count) tokens, of \(opened.base.positions)")
    }
    var said = opening
    while let line = prompt() {
      switch line {
      case "": continue
      case "/end": return
      case "/new": said = opening
      case "/retrieval on": options.retrieval = true
      case "/retrieval off": options.retrieval = false
      case let line where line.hasPrefix("/"):
        Terminal.complain("plm: \(line) is no command; there are /retrieval on|off, /new, /end")
      default:
        do {
          let asked = try Self.shortened(
            said + [.user(line)], keeping: opening.count, opened, options)
          said = asked + [.assistant(try await answer(asked, opened, options))]
          options.seed &+= 1
        } catch {
          // What cannot be answered was not said: the conversation goes on without it.
          Terminal.complain("plm: \(try Self.words(error))")
        }
      }
    }
  }

  /// Says why a line was not answered; throws what no other line could mend.
  private static func words(_ error: any Error) throws -> String {
    switch error {
    case ModelError.tooLong(let tokens, let positions):
      "this line is too long for the model · \(tokens) tokens with what must stand around it, of "
        + "\(positions) · say it shorter"
    case ModelError.noRoom, ModelError.emptyPrompt, TemplateError.raised: "\(error)"
    default: throw error
    }
  }

  private func prompt() -> String? {
    if isatty(0) == 1 { Terminal.write("> ") }
    return readLine()
  }

  /// Leaves out the oldest turns until there is room for an answer.
  private static func shortened(
    _ messages: [ChatMessage], keeping opening: Int, _ model: PersonalModel, _ options: TextOptions
  ) throws -> [ChatMessage] {
    var messages = messages
    func isTooLong() throws -> Bool {
      let count = try model.prompt(messages, options: options).ids.count
      return count + min(options.maximumTokens, model.base.positions / 4) > model.base.positions
    }
    while messages.count > opening + 1, try isTooLong() {
      // A question goes with its answer.
      messages.removeSubrange(opening..<min(opening + 2, messages.count - 1))
    }
    return messages
  }

  private func answer(
    _ said: [ChatMessage], _ model: PersonalModel, _ options: TextOptions
  ) async throws -> String {
    let start = ContinuousClock.now
    var first: ContinuousClock.Instant?
    var written = ""
    var usage = Piece.Usage()
    for try await piece in model.answer(said, options: options) {
      if first == nil, !piece.text.isEmpty { first = .now }
      written += piece.text
      usage = piece.usage ?? usage
      if !common.json { Terminal.write(piece.text) }
    }
    let end = ContinuousClock.now
    let wait = start.duration(to: first ?? end) / .seconds(1)
    let rate =
      Double(max(0, usage.completion - 1))
      / max(1e-9, (first ?? start).duration(to: end) / .seconds(1))
    if common.json {
      Terminal.write(
        [
          "text": .string(written), "prompt_tokens": .int(usage.prompt),
          "reused_tokens": .int(usage.reused), "completion_tokens": .int(usage.completion),
          "tokens_per_second": .double(rate), "first_token_seconds": .double(wait),
        ] as JSON)
    } else {
      Terminal.write("\n")
      if common.progress != .none {
        Terminal.complain(
          "\(usage.completion) tokens, \(Int(rate.rounded())) tokens/s; "
            + "\(usage.prompt) of prompt (\(usage.reused) known), first after \(Int(wait * 1000)) ms"
        )
      }
    }
    return written
  }
}
