public import Corpus

/// Stores a user's manner in numbers, and measures how far another text is from it.
public struct Style: Equatable, Sendable {
  public let statistics: StyleStatistics
  /// How often the user wrote each word.
  public let vocabulary: [String: Int]

  /// Measures what is learned of records: their completions.
  /// - Parameter reference: how often others write each word; empty where nothing is known.
  public init(_ records: [Record], reference: [String: Int] = [:]) {
    let texts = records.map { Rendering($0).completion }
    let measures = texts.map(TextMeasures.init)
    var vocabulary: [String: Int] = [:]
    var spread: [String: Int] = [:]
    for measure in measures {
      for word in measure.words { vocabulary[word, default: 0] += 1 }
      for word in Set(measure.words) { spread[word, default: 0] += 1 }
    }
    self.vocabulary = vocabulary
    let features = Self.features(of: measures)
    // A record's own words are no news to itself: only those that another record has are known.
    let distances = measures.map { measure in
      Self.distance(measure, features, known: { spread[$0, default: 0] > 1 })
    }
    statistics = StyleStatistics(
      measures, vocabulary: vocabulary, spread: spread, features: features,
      distances: Quantiles(distances), reference: reference)
  }

  init(statistics: StyleStatistics, vocabulary: [String: Int]) {
    self.statistics = statistics
    self.vocabulary = vocabulary
  }

  /// How far a text is from the user's manner: the mean over all features of how many deviations it
  /// is off, six at most each, with the share of unknown words counting as four features.
  ///
  /// `statistics.distances` says how far the user's own texts are.
  public func distance(of text: String) -> Double {
    let measures = TextMeasures(text)
    return Self.distance(
      measures, statistics.features, known: { vocabulary[$0] != nil }
    ).rounded6
  }

  private static let unknownWeight = 4.0

  private static func distance(
    _ measures: TextMeasures, _ features: [StyleStatistics.Feature], known: (String) -> Bool
  ) -> Double {
    let values = measures.values
    var sum = 0.0
    for (value, feature) in zip(values, features) {
      sum += min(6, (value - feature.mean).magnitude / max(feature.deviation, 1e-9))
    }
    let unknown = measures.words.count { !known($0) }
    let share = Double(unknown) / Double(max(1, measures.words.count))
    // Half of all words unknown is as strange as can be.
    sum += unknownWeight * min(6, share * 12)
    return sum / (Double(features.count) + unknownWeight)
  }

  private static func features(of measures: [TextMeasures]) -> [StyleStatistics.Feature] {
    let rows = measures.map(\.values)
    let count = Double(max(1, rows.count))
    return TextMeasures.features.enumerated().map { at, feature in
      let mean = rows.reduce(0) { $0 + $1[at] } / count
      let square = rows.reduce(0) { $0 + ($1[at] - mean) * ($1[at] - mean) } / count
      return StyleStatistics.Feature(
        name: feature.name, mean: mean.rounded6,
        deviation: max(square.squareRoot(), feature.floor).rounded6)
    }
  }
}
