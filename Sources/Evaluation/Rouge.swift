/// Measures how much of a reference text a written one shares: ROUGE-1 and ROUGE-L (Lin 2004), as
/// F-measures between 0 and 1.
///
/// Words are runs of ASCII letters and digits in lower case, without stemming, as the package
/// rouge_score cuts them, so that figures compare with those of others.
public struct Rouge: Equatable, Sendable {
  /// Of single words, each counted as often as it occurs in both.
  public let one: Double
  /// Of the longest sequence of words that both have in the same order.
  public let longest: Double

  public init(of text: String, reference: String) {
    let (written, wanted) = (Self.words(text), Self.words(reference))
    var counts: [String: Int] = [:]
    for word in wanted { counts[word, default: 0] += 1 }
    var shared = 0
    for word in written where counts[word, default: 0] > 0 {
      counts[word, default: 0] -= 1
      shared += 1
    }
    one = Self.measure(shared, written.count, wanted.count)
    longest = Self.measure(
      Self.longestSequence(written, wanted), written.count, wanted.count)
  }

  private static func measure(_ shared: Int, _ written: Int, _ wanted: Int) -> Double {
    guard shared > 0 else { return 0 }
    let (precision, recall) = (
      Double(shared) / Double(written), Double(shared) / Double(wanted)
    )
    return 2 * precision * recall / (precision + recall)
  }

  private static func words(_ text: String) -> [String] {
    text.lowercased().utf8.split { byte in
      !(byte >= 0x61 && byte <= 0x7a) && !(byte >= 0x30 && byte <= 0x39)
    }.map { String(decoding: $0, as: UTF8.self) }
  }

  private static func longestSequence(_ a: [String], _ b: [String]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return 0 }
    var row = Array(repeating: 0, count: b.count + 1)
    for word in a {
      var diagonal = 0
      for at in 1...b.count {
        let above = row[at]
        row[at] = word == b[at - 1] ? diagonal + 1 : max(above, row[at - 1])
        diagonal = above
      }
    }
    return row[b.count]
  }
}
