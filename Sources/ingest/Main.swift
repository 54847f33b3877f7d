import Bytes
public import Corpus
public import StageKit

/// Reads a user's texts and splits them into history, validation and test.
@main enum Ingest: Stage {
  static let name = "ingest"
  static let version = 3
  static let summary = "Reads a user's texts and splits them into history, validation and test."

  static let inputs = [
    Input(
      "source", kind: "source",
      help: "A folder or file: .txt, .md, JSON Lines, CSV or LaMP questions, also gzip'd.")
  ]
  static let outputs = [
    Output("history", kind: "records", help: "What is learned from."),
    Output("validation", kind: "records", help: "What is decided by."),
    Output("test", kind: "records", help: "What is measured with, by evaluate alone."),
    Output("shingles", kind: "shingles", help: "Hashes of the test's word sequences."),
    Output("report", kind: "report", help: "Counts, problems, and how the split came about."),
  ]

  static let format = Parameter(
    "format", default: "auto", oneOf: ["auto"] + SourceKind.allCases.map(\.rawValue),
    help: "What the files hold; auto goes by name and content.")
  static let textColumn = Parameter(
    "text_column", default: "",
    help: "The column or field with the text; empty for text, body, content or abstract.")
  static let user = Parameter(
    "user", default: "", help: "Whose questions, in a LaMP file of several users.")
  static let passage = Parameter(
    "passage_characters", default: 8000, in: 200...1_000_000_000,
    help: "Longer texts become several records of one group, cut at paragraph ends.")
  static let giant = Parameter(
    "maximum_file_bytes", default: 64 << 20, in: 1...1 << 40,
    help: "Larger files are left out and named in the report.")
  static let divide = Parameter(
    "divide_groups", default: false,
    help: "Lets parts of one work lie on several sides where whole works allow no split.")
  static let parameters: [any ParameterDeclaration] = [
    format, textColumn, user, passage, giant, divide,
  ]

  static func run(_ context: StageContext) async throws {
    var options = ReadingOptions()
    options.kind = SourceKind(rawValue: context[format])
    options.textColumn = context[textColumn]
    options.user = context[user]
    options.passageCharacters = context[passage]
    options.maximumFileBytes = context[giant]
    let reading = try Reading(files(of: context.input("source")), options: options)
    let split = try Split(
      reading.records, keeping: reading.sides, dividingGroups: context[divide])

    try context.output("history").write(RecordFile.encode(split.history))
    try context.output("validation").write(RecordFile.encode(split.validation))
    try context.output("test").write(RecordFile.encode(split.test))
    try context.output("shingles").write(Shingles(of: split.test).encoded())
    try context.output("report").write(IngestReport(reading, split).encoded())

    context.progress([
      "history": .int(split.history.count), "validation": .int(split.validation.count),
      "test": .int(split.test.count), "duplicates": .int(reading.duplicates),
      "problems": .int(reading.problems.count),
    ])
    for problem in reading.problems { context.log(problem.description) }
    if let joined = split.reasoning.joined {
      context.log("\(joined) copies of other texts, changed a little, stay on their side")
    }
    for warning in split.reasoning.warnings { context.log(warning) }
  }

  /// The files of a source; a single file has no name.
  private static func files(of source: InputArtifact) throws -> [SourceFile] {
    let paths = source.isTree ? source.paths : [""]
    return try paths.map { path in
      SourceFile(path: path, size: try source.size(of: path)) { try source.read(path) }
    }
  }
}

extension CorpusError: StageFailure {
  public var exitCode: Int32 {
    if case .user = self { 2 } else { 1 }
  }
}
