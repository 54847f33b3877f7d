import Foundation

extension StyleStatistics {
  /// The profile in words, for people and for teachers that follow instructions.
  public var text: String {
    var lines: [String] = []
    lines.append("\(records) texts, \(words) words, \(vocabulary) of them different.")
    lines.append(
      "Length: half of the texts have between \(whole(wordsPerRecord.p25)) and"
        + " \(whole(wordsPerRecord.p75)) words; the shortest has \(whole(wordsPerRecord.least)), the"
        + " longest \(whole(wordsPerRecord.most)).")
    lines.append(
      "Sentences: \(whole(wordsPerSentence.median)) words in the middle; one in twenty is shorter"
        + " than \(whole(wordsPerSentence.p5)), one in twenty longer than"
        + " \(whole(wordsPerSentence.p95)).")
    if let length = mean("word length") {
      lines.append("Words: \(tenths(length)) letters on the average.")
    }
    let frequent = marks.filter { $0.value >= 0.05 }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.key) \(tenths($0.value))" }
    if !frequent.isEmpty {
      lines.append("Marks per thousand characters: \(frequent.joined(separator: ", ")).")
    }
    let absent = marks.filter { $0.value == 0 }.keys.sorted()
    if !absent.isEmpty { lines.append("Never used: \(absent.joined(separator: ", ")).") }
    if !typicalWords.isEmpty {
      lines.append(
        (hasReference ? "Writes more than others: " : "Comes back to: ")
          + typicalWords.prefix(40).map(\.word).joined(separator: ", ") + ".")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func mean(_ name: String) -> Double? {
    manner.features.first { $0.name == name }?.mean
  }

  private func whole(_ number: Double) -> String { String(Int(number.rounded())) }

  private func tenths(_ number: Double) -> String {
    String(format: "%.1f", number)
  }
}
