/// Finds the known name that a misspelt one most likely means.
public enum Suggestion {
  /// Returns the nearest known name, or nil if none is near enough to be meant.
  public static func nearest(to word: String, among known: some Sequence<String>) -> String? {
    var best: (name: String, distance: Int)?
    for name in known.sorted() {
      let distance = distance(Array(word.lowercased().utf8), Array(name.lowercased().utf8))
      if distance < best?.distance ?? .max { best = (name, distance) }
    }
    guard let best, best.distance <= max(1, min(word.utf8.count, best.name.utf8.count) / 2)
    else { return nil }
    return best.name
  }

  /// Counts the insertions, deletions, replacements and swaps of neighbours between two words
  /// (optimal string alignment).
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var before: [Int] = []
    var previous = Array(0...b.count)
    for i in 1...a.count {
      var row = [i]
      row.reserveCapacity(b.count + 1)
      for j in 1...b.count {
        var cost = min(
          previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          cost = min(cost, before[j - 2] + 1)
        }
        row.append(cost)
      }
      (before, previous) = (previous, row)
    }
    return previous[b.count]
  }
}
