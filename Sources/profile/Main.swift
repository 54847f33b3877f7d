import Bytes
import Corpus
public import Persona
public import StageKit

/// Learns a user's manner without training: a retrieval index and statistics of style.
@main enum Profile: Stage {
  static let name = "profile"
  static let version = 2
  static let summary = "Makes a retrieval index and a profile of the user's style."

  static let inputs = [
    Input("history", kind: "records", help: "The user's records to learn from."),
    Input(
      "reference", kind: "words", optional: true,
      help: "How often others write each word: words.tsv, or a folder with one."),
  ]
  static let outputs = [
    Output("index", kind: "index", help: "BM25 index with the records, as JSON."),
    Output(
      "profile", kind: "profile",
      help: "statistics.json, words.tsv, pairs.tsv, and profile.txt, which a person can read."),
  ]
  static let parameters: [any ParameterDeclaration] = []

  static func run(_ context: StageContext) async throws {
    let records = try RecordFile.decode(context.input("history").read())
    // A base brings such a table or does without.
    let reference = try context.optionalInput("reference").flatMap { input in
      let path = input.isTree ? Style.File.words : ""
      return input.has(path) ? try WordsFile.decode(input.read(path)) : nil
    }
    try context.output("index").write(BM25Index(records).encoded())
    let style = Style(records, reference: reference ?? [:])
    for (path, bytes) in try style.encoded() {
      try context.output("profile").write(path, bytes)
    }
    context.progress([
      "records": .int(records.count), "words": .int(style.statistics.words),
      "vocabulary": .int(style.statistics.vocabulary),
    ])
  }
}

extension PersonaError: StageFailure {
  public var exitCode: Int32 { 1 }
}
