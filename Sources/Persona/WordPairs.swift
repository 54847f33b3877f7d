/// Finds neighbours among a user's frequent words: what word order looks like, in few numbers.
enum WordPairs {
  /// How many of the most frequent words are looked at.
  static let frequent = 150
  /// Below this number of pairs a text says nothing about word order.
  static let least = 8

  /// The most frequent words, most frequent first, of equals in the order of the words.
  static func frequentWords(_ vocabulary: [String: Int], limit: Int = frequent) -> [String] {
    vocabulary.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(limit).map(\.key)
  }

  /// The pairs of neighbours of which both are frequent.
  static func find(in words: [String], frequent: Set<String>) -> [String] {
    zip(words, words.dropFirst()).compactMap { first, second in
      frequent.contains(first) && frequent.contains(second) ? first + " " + second : nil
    }
  }
}
