import Corpus

/// Finds out how much of a text is in one of the texts it knows.
struct CopyDetector {
  /// Which texts hold a shingle.
  private var places: [UInt64: [Int]] = [:]
  /// The words of the short texts, which shingles say little about.
  private var short: [[String]] = []
  private var exact: Set<String> = []
  private var count = 0

  /// How many words a text may have to be compared word by word.
  static let shortWords = 40

  /// What was found.
  struct Finding {
    /// Whether a known text has the same words.
    var isExact = false
    /// The largest share of the shingles that are in one known text.
    var overlap = 0.0
    /// Of short texts: the largest ROUGE-L F-measure.
    var likeness = 0.0
  }

  mutating func add(_ text: String) {
    let words = Words.lowercased(text)
    exact.insert(words.joined(separator: " "))
    if words.count <= Self.shortWords { short.append(words) }
    for hash in Shingles.hashes(of: text) { places[hash, default: []].append(count) }
    count += 1
  }

  func likeness(to words: [String]) -> Finding {
    var finding = Finding()
    finding.isExact = exact.contains(words.joined(separator: " "))
    let shingles = Shingles.hashes(of: words.joined(separator: " "))
    if !shingles.isEmpty, words.count >= Shingles.words {
      var hits: [Int: Int] = [:]
      for hash in shingles { for place in places[hash] ?? [] { hits[place, default: 0] += 1 } }
      finding.overlap = Double(hits.values.max() ?? 0) / Double(shingles.count)
    }
    if words.count <= Self.shortWords {
      finding.likeness = short.map { Self.rougeL($0, words) }.max() ?? 0
    }
    return finding
  }

  /// The F-measure of the longest common subsequence of words (Lin, 2004).
  static func rougeL(_ a: [String], _ b: [String]) -> Double {
    guard !a.isEmpty, !b.isEmpty else { return 0 }
    var row = [Int](repeating: 0, count: b.count + 1)
    for word in a {
      var diagonal = 0
      for (at, other) in b.enumerated() {
        let above = row[at + 1]
        row[at + 1] = word == other ? diagonal + 1 : max(above, row[at])
        diagonal = above
      }
    }
    return 2 * Double(row[b.count]) / Double(a.count + b.count)
  }
}
