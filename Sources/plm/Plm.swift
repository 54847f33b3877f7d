import ArgumentParser

/// The command: one verb, one file.
@main
struct Plm: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plm",
    abstract: "Personal language models, built like software.",
    discussion: """
      Exit codes: 0 done; 1 a user or stage failed; 2 wrong usage, invalid pipeline or missing \
      source (nothing ran); 3 damage in the store that could not be repaired; 75 try again later; \
      130 interrupted.
      """,
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
