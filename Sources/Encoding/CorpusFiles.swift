public import Bytes
public import Corpus

/// Stores the files of a raw corpus and gives their documents as UTF-8, one after the other.
public struct CorpusFiles {
  public let paths: [String]
  private let map: (String) throws -> MappedFile

  /// - Parameters:
  ///   - paths: the files; descriptions and licences among them are passed over. One empty path for
  /// a single file.
  ///   - map: maps one of them.
  public init(paths: [String], map: @escaping (String) throws -> MappedFile) {
    self.paths = paths.filter(Self.isText)
    self.map = map
  }

  /// Calls `body` with the name and UTF-8 of each document; a title stands on a line before its
  /// text.
  public func forEach(_ body: (_ name: String, _ text: [UInt8]) throws -> Void) throws {
    for path in paths {
      try forEachRecord(of: path) { record in
        var text: [UInt8] = []
        if let title = record.title { text += Array(title.utf8) + [0x0a] }
        text += record.text.utf8
        try body(record.id, text)
      }
    }
  }

  /// Calls `body` with each document of one of the files.
  public func forEachRecord(of path: String, _ body: (Record) throws -> Void) throws {
    let file = try map(path)
    try withExtendedLifetime(file) { try DocumentStream.read(file.bytes, path: path, body) }
  }

  private static func isText(_ path: String) -> Bool {
    let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    if name.isEmpty { return true }
    if ["source.", "readme", "license", "licence", "notice"].contains(where: name.hasPrefix) {
      return false
    }
    return [".txt", ".md", ".jsonl", ".txt.gz", ".md.gz", ".jsonl.gz"].contains {
      name.hasSuffix($0)
    }
  }
}
