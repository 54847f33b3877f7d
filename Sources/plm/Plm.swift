import ArgumentParser
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
    do {
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
}
