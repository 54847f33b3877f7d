import Foundation

/// Stores what became of a source: counts, problems, and how the split came about. No texts.
public struct IngestReport: Codable, Equatable, Sendable {
  public var filesRead: Int
  public var filesSkipped: Int
  public var records: Int
  public var characters: Int
  public var duplicatesDropped: Int
  public var askedLaterDropped: Int
  public var problems: [Problem]
  public var split: Split.Reasoning

  public init(_ reading: Reading, _ split: Split) {
    filesRead = reading.filesRead
    filesSkipped = reading.filesSkipped
    records = reading.records.count
    characters = reading.records.reduce(0) { $0 + $1.text.count }
    duplicatesDropped = reading.duplicates
    askedLaterDropped = reading.askedLater
    problems = reading.problems
    self.split = split.reasoning
  }

  /// Writes the report as JSON that people can read too.
  public func encoded() throws(CorpusError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    do {
      return Array(try encoder.encode(self)) + [0x0A]
    } catch {
      throw .unwritable(index: 0, reason: String(describing: error))
    }
  }
}
