import Bytes
import Corpus
import Encoding
import StageKit

/// Cleans a corpus: markup off, copies out, nothing in it that must not be learned; some documents
/// held out.
@main enum Clean: Stage {
  static let name = "clean"
  static let version = 2
  static let summary = "Cleans a corpus and takes out copies and texts that must not be learned."

  static let inputs = [
    Input("corpus", kind: "corpus", help: "Text or JSON Lines, also gzip'd: a file or a folder."),
    Input(
      "users", kind: "texts", optional: true,
      help: "Texts of users: nothing that shares thirteen words in a row with them is kept."),
    Input("tasks", kind: "texts", optional: true, help: "Tasks and their answers: the same."),
    Input("tests", kind: "texts", optional: true, help: "Texts to measure with: the same."),
  ]
  static let outputs = [
    Output("train", kind: "corpus", help: "The clean documents: JSON Lines, a file for each."),
    Output("heldout", kind: "corpus", optional: true, help: "Those held out, in the same form."),
    Output("report", kind: "json", help: "What was left out, and why."),
  ]

  static let holdout = Parameter(
    "holdout", default: 0.01, in: 0...0.5,
    help: "The share of documents held out, chosen by their content.")
  static let seed = Parameter("seed", default: 1, in: 0...Int.max, help: "Chooses those held out.")
  static let parameters: [any ParameterDeclaration] = [holdout, seed]
  static let resources = Resources(cores: 1, memory: 2 << 30)

  static func run(_ context: StageContext) async throws {
    let avoided = try avoidedTexts(context)
    let corpus = try context.input("corpus")
    let files = CorpusFiles(paths: corpus.isTree ? corpus.paths : [""]) { try corpus.map($0) }
    var cleaner = CorpusCleaner(avoiding: avoided)
    var report: [String: JSON] = [:]
    for path in files.paths {
      let name = outputPath(path, taken: report.keys)
      let train = try context.output("train").writer(name)
      let heldout = try context.output("heldout").writer(name)
      var (trained, held) = (0, 0)
      try files.forEachRecord(of: path) { record in
        guard let clean = cleaner.clean(record) else { return }
        var fields: [String: JSON] = ["id": .string(clean.id), "text": .string(clean.text)]
        if let title = clean.title { fields["title"] = .string(title) }
        let line = JSON.object(fields).text + "\n"
        if isHeldOut(clean, context) {
          held += 1
          try heldout.write(line)
        } else {
          trained += 1
          try train.write(line)
        }
        if (trained + held).isMultiple(of: 1000) {
          context.progress(["file": .string(path), "documents": .int(trained + held)])
        }
      }
      if trained > 0 { try train.finish() }
      if held > 0 { try heldout.finish() }
      let counts = cleaner.takeCounts()
      context.log(
        "\(path): \(counts.kept) of \(counts.documents) documents kept, \(held) of them held out; "
          + "\(counts.copies) copies, \(counts.avoided) to be avoided, \(counts.bare) bare")
      report[name] = json(counts, train: trained, heldout: held)
    }
    try context.output("report").write(
      text: JSON.object([
        "files": .object(report),
        "avoided": .object([
          "files": .int(avoided.names.count), "texts": .int(avoided.textCount),
          "runs": .int(avoided.runCount), "words_of_a_run": .int(WordRuns.length),
          "met": .object(
            Dictionary(
              uniqueKeysWithValues: cleaner.hits.map { (avoided.names[$0.key], .int($0.value)) })),
        ]),
      ]).text + "\n")
  }

  private static func avoidedTexts(_ context: StageContext) throws -> AvoidedTexts {
    var avoided = AvoidedTexts()
    for name in ["users", "tasks", "tests"] {
      guard let input = context.optionalInput(name) else { continue }
      for path in input.isTree ? input.paths : [""] {
        try avoided.add(input.read(path), name: path.isEmpty ? name : name + "/" + path)
      }
    }
    context.log(
      "\(avoided.names.count) files to be avoided: \(avoided.textCount) texts, "
        + "\(avoided.runCount) runs of words")
    return avoided
  }

  /// By content, so that the same document is always on the same side.
  private static func isHeldOut(_ record: Record, _ context: StageContext) -> Bool {
    guard context[holdout] > 0 else { return false }
    let content = WordRuns.whole(WordRuns.words(String(record.text.prefix(4096))))
    var random = SeededRandom(seed: content ^ UInt64(context[seed]), purpose: "held out")
    return random.uniform() < context[holdout]
  }

  /// `books.txt.gz` becomes `books.jsonl`, and `books.md` beside it `books-2.jsonl`.
  private static func outputPath(_ path: String, taken: some Collection<String>) -> String {
    var name = path.isEmpty ? "corpus" : path
    for ending in [".gz", ".txt", ".md", ".jsonl"] where name.lowercased().hasSuffix(ending) {
      name.removeLast(ending.count)
    }
    let others = (2...).lazy.map { "\(name)-\($0).jsonl" }
    let first = name + ".jsonl"
    return taken.contains(first) ? others.first { !taken.contains($0) } ?? first : first
  }

  private static func json(_ counts: CorpusCleaner.Counts, train: Int, heldout: Int) -> JSON {
    .object([
      "documents": .int(counts.documents), "train": .int(train), "heldout": .int(heldout),
      "left_out": .object([
        "copies": .int(counts.copies), "avoided": .int(counts.avoided), "bare": .int(counts.bare),
      ]),
      "paragraphs": .int(counts.paragraphs),
      "paragraphs_left_out": .object([
        "copies": .int(counts.copiedParagraphs), "avoided": .int(counts.avoidedParagraphs),
        "bare": .int(counts.bareParagraphs),
      ]),
      "bytes_read": .int(counts.bytesRead), "bytes_kept": .int(counts.bytesKept),
    ])
  }
}
