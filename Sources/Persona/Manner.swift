/// Stores what a user's records have on the average and how much they differ: the scale on which
/// another text is measured.
public struct Manner: Codable, Equatable, Sendable {
  /// Lengths of words and sentences, marks, capitals and the like.
  public let features: [Feature]
  /// How often the most frequent words come, per word (Burrows's Delta, 2002).
  public let words: [Feature]
  /// The share of words that no other record has.
  public let unknownWords: Feature
  /// The share of neighbouring frequent words that no other record has in that order.
  public let unknownPairs: Feature

  /// One measure of a text.
  public struct Feature: Codable, Equatable, Sendable {
    public let name: String
    public let mean: Double
    public let deviation: Double

    /// - Parameter floor: the least deviation assumed, so that a mark that a user never sets does
    ///   not make every text that has one infinitely strange.
    init(_ name: String, _ values: [Double], floor: Double) {
      let count = Double(max(1, values.count))
      let mean = values.reduce(0, +) / count
      let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      self.name = name
      self.mean = mean.rounded6
      deviation = max(square.squareRoot(), floor).rounded6
    }

    /// How many deviations a value is off, six at most.
    func strangeness(_ value: Double) -> Double {
      min(6, (value - mean).magnitude / max(deviation, 1e-9))
    }

    /// As `strangeness`, where only more than usual is strange.
    func excess(_ value: Double) -> Double { value > mean ? strangeness(value) : 0 }
  }

  /// How many frequent words are features.
  private static let wordCount = 50

  init(_ measures: [TextMeasures], _ novelties: [Novelty], vocabulary: [String: Int]) {
    let rows = measures.map(\.values)
    features = TextMeasures.features.enumerated().map { at, feature in
      Feature(feature.name, rows.map { $0[at] }, floor: feature.floor)
    }
    let frequent = WordPairs.frequentWords(vocabulary, limit: Self.wordCount)
    let rates = measures.map { Self.rates(of: frequent, in: $0.words) }
    words = frequent.enumerated().map { at, word in
      Feature(word, rates.map { $0[at] }, floor: 0.005)
    }
    unknownWords = Feature("unknown words", novelties.map(\.words), floor: 0.02)
    unknownPairs = Feature("unknown pairs", novelties.compactMap(\.pairs), floor: 0.03)
  }

  /// The mean number of deviations that a text is off, over all features; the frequent words
  /// together count as ten features, unknown words as five and unknown pairs as ten.
  func distance(of text: TextMeasures, _ novelty: Novelty) -> Double {
    var sum = zip(text.values, features).reduce(0) { $0 + $1.1.strangeness($1.0) }
    var weight = Double(features.count)
    if !words.isEmpty {
      let rates = Self.rates(of: words.map(\.name), in: text.words)
      let strange = zip(rates, words).reduce(0) { $0 + $1.1.strangeness($1.0) }
      sum += 10 * strange / Double(words.count)
      weight += 10
    }
    sum += 5 * unknownWords.excess(novelty.words)
    weight += 5
    if let pairs = novelty.pairs {
      sum += 10 * unknownPairs.excess(pairs)
      weight += 10
    }
    return sum / weight
  }

  private static func rates(of frequent: [String], in words: [String]) -> [Double] {
    var counts: [String: Int] = [:]
    for word in words { counts[word, default: 0] += 1 }
    return frequent.map { Double(counts[$0, default: 0]) / Double(max(1, words.count)) }
  }
}
