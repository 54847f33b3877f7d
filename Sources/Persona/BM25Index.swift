public import Corpus

/// Stores which of a user's records hold which words, to find those that fit a text.
///
/// Okapi BM25 (Robertson et al., TREC-3) with k1 = 1.5 and b = 0.75 over lower-cased words of title
/// and text. The records are part of it, so that a device can retrieve without the history.
public struct BM25Index: Equatable, Sendable {
  /// How fast further occurrences of a word lose weight.
  public static let saturation = 1.5
  /// How much long records are marked down.
  public static let lengthWeight = 0.75
  /// Words in more than half of the records get this share of the mean weight.
  static let commonShare = 0.25

  /// The records, in order of their ids.
  public let records: [Record]
  /// How many words each record has.
  let lengths: [Int]
  /// Where each word occurs: pairs of a record's place and a count, by place.
  let postings: [String: [Int]]
  private let averageLength: Double
  private let commonWeight: Double

  /// Indexes records.
  public init(_ records: [Record]) {
    let sorted = records.sorted { $0.id < $1.id }
    var lengths: [Int] = []
    var postings: [String: [Int]] = [:]
    for (place, record) in sorted.enumerated() {
      var counts: [String: Int] = [:]
      let words = Words.lowercased(Self.searched(record))
      for word in words { counts[word, default: 0] += 1 }
      for (word, count) in counts { postings[word, default: []] += [place, count] }
      lengths.append(words.count)
    }
    self.init(sorted, lengths: lengths, postings: postings)
  }

  init(_ records: [Record], lengths: [Int], postings: [String: [Int]]) {
    self.records = records
    self.lengths = lengths
    self.postings = postings
    averageLength = Double(max(1, lengths.reduce(0, +))) / Double(max(1, lengths.count))
    // Summed in order of the words: the sum of doubles depends on it.
    var sum = 0.0
    for word in postings.keys.sorted() {
      sum += Self.weight(in: (postings[word]?.count ?? 0) / 2, of: records.count)
    }
    commonWeight = max(0.01, Self.commonShare * sum / Double(max(1, postings.count)))
  }

  /// The text of a record that is searched: as LaMP does it, title and text.
  static func searched(_ record: Record) -> String {
    record.title.map { $0 + "\n" + record.text } ?? record.text
  }

  /// One record that fits, and how well.
  public struct Match: Equatable, Sendable {
    public let record: Record
    public let score: Double
  }

  /// The records that share a word with a text, best first; of equals the lower id.
  /// - Parameter excluded: ids that are left out, such as the record that is asked about.
  public func search(
    _ query: String, limit: Int = 10, excluding excluded: Set<String> = []
  ) -> [Match] {
    var scores: [Int: Double] = [:]
    for word in Words.lowercased(query) {
      guard let list = postings[word] else { continue }
      let plain = Self.weight(in: list.count / 2, of: records.count)
      let weight = plain > 0 ? plain : commonWeight
      for at in stride(from: 0, to: list.count, by: 2) {
        let (place, count) = (list[at], Double(list[at + 1]))
        let length = Double(lengths[place]) / averageLength
        let damping = Self.saturation * (1 - Self.lengthWeight + Self.lengthWeight * length)
        scores[place, default: 0] += weight * count * (Self.saturation + 1) / (count + damping)
      }
    }
    return scores.filter { !excluded.contains(records[$0.key].id) }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .prefix(max(0, limit))
      .map { Match(record: records[$0.key], score: $0.value) }
  }

  /// How much a word in `count` of `total` records tells: negative for those in most of them.
  private static func weight(in count: Int, of total: Int) -> Double {
    logarithm((Double(total - count) + 0.5) / (Double(count) + 0.5))
  }
}
