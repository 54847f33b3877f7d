import Augmentation
import Bytes
public import Corpus
public import Persona
public import StageKit

/// Marks synthetic samples with verdict, reason and scores; none vanishes.
@main enum FilterStage: Stage {
  static let name = "filter"
  static let version = 3
  static let summary =
    "Marks samples that are malformed, copied, repeated or not in the user's manner."

  static let inputs = [
    Input("samples", kind: "samples", help: "What a teacher wrote."),
    Input("history", kind: "records", help: "The user's records, which must not be copied."),
    Input("profile", kind: "profile", help: "The user's style and lengths."),
    Input(
      "shingles", kind: "shingles", help: "Hashes of the test, which must not leak into training."),
  ]
  static let outputs = [
    Output("samples", kind: "samples", help: "All samples, with verdict, reason and scores."),
    Output("report", kind: "report", help: "How many were rejected why, and where the scores lie."),
  ]

  private static let usual = FilterOptions()
  static let shortest = Parameter(
    "shortest", default: usual.shortest, in: 0...1e6,
    help: "Shortest length, as a share of the user's 5th percentile.")
  static let longest = Parameter(
    "longest", default: usual.longest, in: 0...1e6,
    help: "Longest length, as a multiple of the user's 95th percentile.")
  static let repetition = Parameter(
    "repetition", default: usual.repetition, in: 0...1,
    help: "Share of a sample's four-word sequences that may repeat within it.")
  static let historyOverlap = Parameter(
    "history_overlap", default: usual.historyOverlap, in: 0...1,
    help: "Share of a sample's five-word sequences that one record of the history may hold.")
  static let testOverlap = Parameter(
    "test_overlap", default: usual.testOverlap, in: 0...1,
    help: "Share of a sample's five-word sequences that the test may hold; 13 words in a row are "
      + "too many at any share.")
  static let sampleOverlap = Parameter(
    "sample_overlap", default: usual.sampleOverlap, in: 0...1,
    help: "Share of a sample's five-word sequences that one accepted before may hold.")
  static let likeness = Parameter(
    "likeness", default: usual.likeness, in: 0...1,
    help: "ROUGE-L with another text above which a short sample is a near duplicate.")
  static let styleDistance = Parameter(
    "style_distance", default: usual.styleDistance, in: 0...1e6,
    help: "Distance from the user's manner, as a multiple of the 95th percentile of own texts.")
  static let parameters: [any ParameterDeclaration] = [
    shortest, longest, repetition, historyOverlap, testOverlap, sampleOverlap, likeness,
    styleDistance,
  ]

  static func run(_ context: StageContext) async throws {
    var options = FilterOptions()
    options.shortest = context[shortest]
    options.longest = context[longest]
    options.repetition = context[repetition]
    options.historyOverlap = context[historyOverlap]
    options.testOverlap = context[testOverlap]
    options.sampleOverlap = context[sampleOverlap]
    options.likeness = context[likeness]
    options.styleDistance = context[styleDistance]
    let profile = try context.input("profile")
    var filter = Filter(
      history: try RecordFile.decode(context.input("history").read()),
      style: try Style(reading: { try profile.read($0) }),
      test: try Shingles(decoding: context.input("shingles").read()), options: options)
    let marked = filter.mark(try SampleFile.decode(context.input("samples").read()))
    let report = FilterReport(marked)
    try context.output("samples").write(SampleFile.encode(marked))
    try context.output("report").write(report.encoded())

    var facts: [String: JSON] = [
      "samples": .int(report.samples), "accepted": .int(report.accepted),
    ]
    for (reason, count) in report.rejected where count > 0 { facts[reason] = .int(count) }
    context.progress(facts)
    if report.samples > 0, report.accepted == 0 {
      context.log("no sample was accepted: the report says which checks they failed")
    }
  }
}

extension CorpusError: StageFailure {
  public var exitCode: Int32 { 1 }
}

extension PersonaError: StageFailure {
  public var exitCode: Int32 { 1 }
}
