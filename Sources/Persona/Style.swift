public import Corpus

/// Stores a user's manner in numbers, and measures how far another text is from it.
public struct Style: Equatable, Sendable {
  public let statistics: StyleStatistics
  /// How often the user wrote each word.
  public let vocabulary: [String: Int]
  /// How often the user wrote one frequent word behind another, as `of the`.
  public let pairs: [String: Int]
  private let frequent: Set<String>

  /// Measures what is learned of records: their completions.
  /// - Parameter reference: how often others write each word; empty where nothing is known.
  public init(_ records: [Record], reference: [String: Int] = [:]) {
    let measures = records.map { TextMeasures(Rendering($0).completion) }
    var vocabulary: [String: Int] = [:]
    var spread: [String: Int] = [:]
    for measure in measures {
      for word in measure.words { vocabulary[word, default: 0] += 1 }
      for word in Set(measure.words) { spread[word, default: 0] += 1 }
    }
    let frequent = Set(WordPairs.frequentWords(vocabulary))
    var pairs: [String: Int] = [:]
    var pairSpread: [String: Int] = [:]
    for measure in measures {
      let own = WordPairs.find(in: measure.words, frequent: frequent)
      for pair in own { pairs[pair, default: 0] += 1 }
      for pair in Set(own) { pairSpread[pair, default: 0] += 1 }
    }
    // A record's own words are no news to itself: only those that another record has are known.
    let novelties = measures.map { measure in
      Novelty(
        measure.words, frequent: frequent, knows: { spread[$0, default: 0] > 1 },
        knowsPair: { pairSpread[$0, default: 0] > 1 })
    }
    let manner = Manner(measures, novelties, vocabulary: vocabulary)
    let distances = zip(measures, novelties).map { manner.distance(of: $0, $1) }
    self.vocabulary = vocabulary
    self.pairs = pairs
    self.frequent = frequent
    statistics = StyleStatistics(
      measures, vocabulary: vocabulary, spread: spread, manner: manner,
      distances: Quantiles(distances), reference: reference)
  }

  init(statistics: StyleStatistics, vocabulary: [String: Int], pairs: [String: Int]) {
    self.statistics = statistics
    self.vocabulary = vocabulary
    self.pairs = pairs
    frequent = Set(WordPairs.frequentWords(vocabulary))
  }

  /// How far a text is from the user's manner; see ``Manner``.
  ///
  /// `statistics.distances` says how far the user's own texts are.
  public func distance(of text: String) -> Double {
    let measures = TextMeasures(text)
    let novelty = Novelty(
      measures.words, frequent: frequent, knows: { vocabulary[$0] != nil },
      knowsPair: { pairs[$0] != nil })
    return statistics.manner.distance(of: measures, novelty).rounded6
  }
}
