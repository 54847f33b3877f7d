extension Style {
  /// The names of the files of a profile.
  public enum File {
    public static let statistics = "statistics.json"
    public static let words = "words.tsv"
    public static let text = "profile.txt"
  }

  /// The files of a profile, with their names.
  public func encoded() throws(PersonaError) -> [(path: String, bytes: [UInt8])] {
    [
      (File.text, Array(statistics.text.utf8)),
      (File.statistics, try JSONFile.encode(statistics, name: File.statistics, readable: true)),
      (File.words, WordsFile.encode(vocabulary)),
    ]
  }

  /// Reads a profile from its files.
  public init(statistics: [UInt8], words: [UInt8]) throws(PersonaError) {
    self.init(
      statistics: try JSONFile.decode(
        StyleStatistics.self, from: statistics, name: File.statistics),
      vocabulary: try WordsFile.decode(words))
  }
}
