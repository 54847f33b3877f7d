/// Stores how much of a text the user never wrote.
struct Novelty {
  /// The share of its words that are unknown.
  let words: Double
  /// The share of its pairs of frequent words that are unknown; nil where there are too few.
  let pairs: Double?

  init(
    _ words: [String], frequent: Set<String>, knows: (String) -> Bool, knowsPair: (String) -> Bool
  ) {
    self.words = Double(words.count { !knows($0) }) / Double(max(1, words.count))
    let pairs = WordPairs.find(in: words, frequent: frequent)
    self.pairs =
      pairs.count < WordPairs.least
      ? nil : Double(pairs.count { !knowsPair($0) }) / Double(pairs.count)
  }
}
