import ArgumentParser
import Graph
import Kernels
import ObjectStore

/// The command: one verb, one file.
@main
struct Plm: AsyncParsableCommand {
  /// What `plm --version` and reports of faults name; stages have versions of their own.
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "plm",
    abstract: "Personal language models, built like software.",
    discussion: """
      Exit codes: 0 done; 1 a user or stage failed; 2 wrong usage, invalid pipeline or missing \
      source (nothing ran); 3 damage in the store that could not be repaired; 75 try again later; \
      130 interrupted.
      """,
    version: "\(version), \(ObjectStore.format.dropLast()), \(Kernels.variant) kernels",
    subcommands: [
      BuildCommand.self, StatusCommand.self, WhyCommand.self, GraphCommand.self, LogCommand.self,
      ShowCommand.self, CatCommand.self, LineageCommand.self, DiffCommand.self,
      HistoryCommand.self, StagesCommand.self, StoreCommand.self, RunCommand.self,
      ChatCommand.self, ServeCommand.self, BundleCommand.self, TokensCommand.self,
      PerplexityCommand.self, BenchCommand.self, ResultsCommand.self,
    ])

  static func main() async {
    Kernels.exitWithoutMemory(code: Ending.later)
    do {
      try check(Array(CommandLine.arguments.dropFirst()))
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      Ending.leave(because: error)
    }
  }

  /// Refuses what would be passed over in silence.
  private static func check(_ words: [String]) throws {
    if let name = Kernels.refusedVariant {
      throw UsageProblem(
        "PLM_KERNELS is '\(name)', which this processor has not, or nobody knows; of amx, avx512bf16, "
          + "avx512, avx2, neon and scalar, leave it out to have the best")
    }
    guard words.first == "help", words.count > 1 else { return }
    var verbs = configuration.subcommands
    for word in words.dropFirst() {
      guard let verb = verbs.first(where: { $0.configuration.commandName == word }) else {
        let known = verbs.compactMap { $0.configuration.commandName }
        let meant = Suggestion.nearest(to: word, among: known).map { "; did you mean '\($0)'?" }
        throw UsageProblem("there is no verb '\(word)'" + (meant ?? "; plm help lists them"))
      }
      verbs = verb.configuration.subcommands
    }
  }
}
