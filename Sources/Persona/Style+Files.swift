extension Style {
  /// The names of the files of a profile.
  public enum File {
    public static let statistics = "statistics.json"
    public static let words = "words.tsv"
    public static let pairs = "pairs.tsv"
    public static let text = "profile.txt"
  }

  /// The files of a profile, with their names.
  public func encoded() throws(PersonaError) -> [(path: String, bytes: [UInt8])] {
    [
      (File.text, Array(statistics.text.utf8)),
      (File.statistics, try JSONFile.encode(statistics, name: File.statistics, readable: true)),
      (File.words, WordsFile.encode(vocabulary)),
      (File.pairs, WordsFile.encode(pairs)),
    ]
  }

  /// Reads a profile from its files.
  /// - Parameter read: gives the content of a file.
  public init(reading read: (_ path: String) throws -> [UInt8]) throws {
    self.init(
      statistics: try JSONFile.decode(
        StyleStatistics.self, from: read(File.statistics), name: File.statistics),
      vocabulary: try WordsFile.decode(read(File.words)),
      pairs: try WordsFile.decode(read(File.pairs)))
  }
}
