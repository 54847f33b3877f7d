/// Reads and writes `words.tsv`: a word, a tab and a count on each line.
public enum WordsFile {
  /// Writes counts: the most frequent first, of equals in the order of the words.
  public static func encode(_ counts: [String: Int]) -> [UInt8] {
    var text = ""
    for (word, count) in counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      text += "\(word)\t\(count)\n"
    }
    return Array(text.utf8)
  }

  /// Reads counts; words are lower-cased, and counts of one word added.
  /// - Throws: `PersonaError.format` for a line that is no word and count.
  public static func decode(_ bytes: [UInt8]) throws(PersonaError) -> [String: Int] {
    var counts: [String: Int] = [:]
    let lines = String(decoding: bytes, as: UTF8.self)
      .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated() where !line.isEmpty {
      guard let tab = line.lastIndex(of: "\t"), let count = Int(line[line.index(after: tab)...]),
        count >= 0, count < 1 << 40
      else { throw .format(file: "words.tsv", reason: "line \(number + 1) is no word and count") }
      counts[line[..<tab].lowercased(), default: 0] += count
    }
    return counts
  }
}
