import Corpus

/// Stores a user's manner in numbers, as the file `statistics.json`.
public struct StyleStatistics: Codable, Equatable, Sendable {
  public let records: Int
  public let characters: Int
  public let words: Int
  public let sentences: Int
  /// How many different words there are.
  public let vocabulary: Int
  public let charactersPerRecord: Quantiles
  public let wordsPerRecord: Quantiles
  public let wordsPerSentence: Quantiles
  /// Marks per thousand characters, by name.
  public let marks: [String: Double]
  /// What a record has on the average, and how much records differ.
  public let manner: Manner
  /// How far the user's own records are from the average.
  public let distances: Quantiles
  /// What the user writes more than others do, most telling first.
  public let typicalWords: [TypicalWord]
  /// Whether `typicalWords` compares with a reference text.
  public let hasReference: Bool

  init(
    _ measures: [TextMeasures], vocabulary: [String: Int], spread: [String: Int],
    manner: Manner, distances: Quantiles, reference: [String: Int]
  ) {
    records = measures.count
    characters = measures.reduce(0) { $0 + $1.characters }
    words = measures.reduce(0) { $0 + $1.words.count }
    sentences = measures.reduce(0) { $0 + $1.sentences.count }
    self.vocabulary = vocabulary.count
    charactersPerRecord = Quantiles(measures.map { Double($0.characters) })
    wordsPerRecord = Quantiles(measures.map { Double($0.words.count) })
    wordsPerSentence = Quantiles(measures.flatMap { $0.sentences.map(Double.init) })
    var marks: [String: Double] = [:]
    for (at, mark) in TextMeasures.marks.enumerated() {
      let count = measures.reduce(0) { $0 + $1.markCounts[at] }
      marks[mark.name] = (1000 * Double(count) / Double(max(1, characters))).rounded6
    }
    self.marks = marks
    self.manner = manner
    self.distances = distances
    hasReference = !reference.isEmpty
    typicalWords =
      hasReference
      ? TypicalWord.find(vocabulary, against: reference, spread: spread)
      : TypicalWord.find(vocabulary, spread: spread, records: measures.count)
  }
}
