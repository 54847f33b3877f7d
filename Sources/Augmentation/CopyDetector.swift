import Corpus

/// Finds out how much of a text is in one of the texts it knows.
struct CopyDetector {
  /// Which texts hold a shingle.
  private var places: [UInt64: [Int]] = [:]
  /// The words of the short texts, which shingles say little about, by number and one text behind
  /// the other; and where each text ends.
  private var short: [Int32] = []
  private var ends: [Int] = []
  private var numbers: [String: Int32] = [:]
  private var exact: Set<String> = []
  private var count = 0

  /// How many words a text may have to be compared word by word: as many as an integer has bits, at
  /// most.
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
    if words.count <= Self.shortWords {
      for word in words {
        let number = numbers[word] ?? Int32(numbers.count)
        numbers[word] = number
        short.append(number)
      }
      ends.append(short.count)
    }
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
    if words.count <= Self.shortWords { finding.likeness = rougeL(words) }
    return finding
  }

  /// The largest F-measure of the longest common subsequence of words with a short text (Lin,
  /// 2004).
  ///
  /// Its length is found with a bit for each word (Hyyrö, 2004): millions of pairs are compared.
  private func rougeL(_ words: [String]) -> Double {
    // Where in `words` each known word is.
    var masks = [UInt64](repeating: 0, count: numbers.count)
    for (at, word) in words.enumerated() {
      if let number = numbers[word] { masks[Int(number)] |= 1 << UInt64(at) }
    }
    var best = 0.0
    masks.withUnsafeBufferPointer { masks in
      short.withUnsafeBufferPointer { short in
        var start = 0
        for end in ends {
          defer { start = end }
          let sum = Double(end - start + words.count)
          guard 2 * Double(min(end - start, words.count)) > best * sum else { continue }
          var free = UInt64.max
          for at in start..<end {
            let taken = free & masks[Int(short[at])]
            free = (free &+ taken) | (free &- taken)
          }
          let common = (~free & (1 << UInt64(words.count) - 1)).nonzeroBitCount
          best = max(best, 2 * Double(common) / sum)
        }
      }
    }
    return best
  }
}
