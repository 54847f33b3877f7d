/// Stores a word that a user writes more than others, and how much that tells.
public struct TypicalWord: Codable, Equatable, Sendable {
  public let word: String
  public let count: Int
  /// Against a reference: how many deviations the log-odds are above nought.
  public let score: Double

  /// How many words are kept.
  static let limit = 60
  /// The weight of the prior, in words.
  private static let prior = 1000.0

  /// The words whose log-odds against a reference are highest.
  ///
  /// Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn, 2008): the
  /// prior is the share of a word in both texts together, so that rare words need more to stand out.
  static func find(
    _ own: [String: Int], against reference: [String: Int], spread: [String: Int]
  ) -> [TypicalWord] {
    let ownTotal = Double(own.values.reduce(0, +))
    let otherTotal = Double(reference.values.reduce(0, +))
    return best(own, spread) { word, count in
      let other = Double(reference[word, default: 0])
      let weight = prior * (Double(count) + other) / (ownTotal + otherTotal)
      let a = Double(count) + weight
      let b = other + weight
      let odds =
        logarithm(a / (ownTotal + prior - a)) - logarithm(b / (otherTotal + prior - b))
      return odds / (1 / a + 1 / b).squareRoot()
    }
  }

  /// The words that are frequent where they occur, where nothing is known of others.
  static func find(
    _ own: [String: Int], spread: [String: Int], records: Int
  ) -> [TypicalWord] {
    best(own, spread) { word, count in
      Double(count) * logarithm(Double(records + 1) / Double(spread[word, default: 1]))
    }
  }

  /// Words in one record only are its subject, not the user's manner.
  private static func best(
    _ own: [String: Int], _ spread: [String: Int], score: (String, Int) -> Double
  ) -> [TypicalWord] {
    own.filter { $0.value >= 3 && spread[$0.key, default: 0] >= 2 }
      .map { TypicalWord(word: $0.key, count: $0.value, score: score($0.key, $0.value).rounded6) }
      .filter { $0.score > 0 }
      .sorted { ($1.score, $0.word) < ($0.score, $1.word) }
      .prefix(limit).map { $0 }
  }
}
