import Bytes
import Corpus
import Encoding
import Evaluation
import Formats
import Models
import StageKit
import Tokenizers

/// Scores every user's test texts with every user's adapter.
struct CrossTable {
  let base: InputArtifact
  let model: LanguageModel
  let context: StageContext

  /// - Parameters:
  ///   - adapters: a tree with a folder per user.
  ///   - tests: a tree with a records file per user.
  func write(adapters: InputArtifact, tests: InputArtifact) throws {
    let config = model.config
    let tokenizer = try TokenizerFolder.open(paths: base.filePaths) { try base.map($0) }
    let encoder = try SampleEncoder(tokenizer: tokenizer, window: Evaluate.window(config, context))
    let trained = Set(adapters.paths.compactMap { $0.split(separator: "/").first.map(String.init) })
    let everyone = tests.paths.filter { trained.contains($0) && $0 != "missing.json" }
    let users = Array(everyone.prefix(context[Evaluate.tableUsers]))
    if everyone.count > users.count {
      context.log("the first \(users.count) of \(everyone.count) users; see table_users")
    }
    let samples = try users.map { encoder.encode(try RecordFile.decode(tests.read($0))) }
    var table = LossTable(users: users)
    for row in -1..<users.count {
      let adapter =
        row < 0
        ? nil
        : try Adapter(
          paths: [AdapterConfig.fileName, AdapterConfig.weightsName], base: model
        ) { try adapters.map("\(users[row])/\($0)") }
      let scorer = Scorer(Evaluate.network(model, adapter: adapter, context))
      for column in users.indices {
        let loss = try scorer.score(samples[column]).loss
        if !loss.isFinite {
          let whose = row < 0 ? "the base" : "the adapter of \(users[row])"
          context.log("\(whose) gives no finite loss on the texts of \(users[column])")
        }
        if row < 0 { table.base[column] = loss } else { table.losses[row][column] = loss }
        context.progress([
          "cell": .int((row + 1) * users.count + column + 1),
          "of": .int((users.count + 1) * users.count),
        ])
      }
    }
    try context.output("table").write("table.json", text: table.json.text + "\n")
    try context.output("table").write("table.md", text: table.markdown)
  }
}
