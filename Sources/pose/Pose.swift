import Bytes
import Corpus
import Encoding
import StageKit

/// Poses tasks about a corpus' documents, for the last part of a base's training.
@main enum Pose: Stage {
  static let name = "pose"
  static let version = 1
  static let summary = "Makes examples of tasks from a corpus: titles, headlines, replies, choices."

  static let inputs = [
    Input("corpus", kind: "corpus", help: "Text or JSON Lines, also gzip'd: a file or a folder.")
  ]
  static let outputs = [
    Output("corpus", kind: "corpus", help: "tasks.jsonl: the examples, a document each.")
  ]

  static let share = Parameter(
    "share", default: 0.25, in: 0...1,
    help: "The share of passages of untitled documents that is used; of titled ones all are.")
  static let passage = Parameter(
    "passage", default: 1500, in: 200...100_000, help: "Most characters of a passage.")
  static let seed = Parameter("seed", default: 1, in: 0...Int.max, help: "Chooses the tasks.")
  static let parameters: [any ParameterDeclaration] = [share, passage, seed]

  static func run(_ context: StageContext) async throws {
    let corpus = try context.input("corpus")
    let files = CorpusFiles(paths: corpus.isTree ? corpus.paths : [""]) { try corpus.map($0) }
    let output = try context.output("corpus").writer("tasks.jsonl")
    var counts: [PosedTask.Kind: Int] = [:]
    var otherTitle: String?
    func write(_ task: PosedTask) throws {
      counts[task.kind, default: 0] += 1
      try output.write(JSON.object(["text": .string(task.text)]).text + "\n")
    }
    for path in files.paths {
      try files.forEachRecord(of: path) { record in
        var random = SeededRandom(seed: UInt64(context[seed]), purpose: "tasks of " + record.id)
        if let title = record.title {
          try write(
            PosedTask(titled: record, title: title, other: otherTitle, random: &random))
          otherTitle = title
        } else {
          for passage in Passages.cut(record.text, limit: context[passage])
          where random.uniform() < context[share] {
            for task in PosedTask.tasks(of: passage, random: &random) { try write(task) }
          }
        }
      }
    }
    try output.finish()
    for kind in PosedTask.Kind.allCases { context.log("\(kind.rawValue): \(counts[kind] ?? 0)") }
    context.progress(
      Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, .int($0.value)) }))
  }
}
