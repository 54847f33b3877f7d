/// Stores one file of a source: its path and a way to its bytes.
public struct SourceFile: Sendable {
  /// Relative to the source; empty where the source is a single file.
  public let path: String
  /// In bytes.
  public let size: Int
  /// Reads the content.
  public let read: @Sendable () throws -> [UInt8]

  public init(path: String, size: Int, read: @escaping @Sendable () throws -> [UInt8]) {
    self.path = path
    self.size = size
    self.read = read
  }

  /// Holds content that is in memory already.
  public init(path: String, bytes: [UInt8]) {
    self.init(path: path, size: bytes.count) { bytes }
  }
}

/// Says what a file holds.
public enum SourceKind: String, Sendable, CaseIterable {
  case text, jsonl, csv, lamp

  /// The kind that the end of a name promises; nil where it promises nothing known.
  ///
  /// `.json` promises `lamp`, whose reader tells questions from answers and from plain records.
  init?(path: String) {
    var name = path.lowercased()
    if name.hasSuffix(".gz") { name.removeLast(3) }
    guard let dot = name.lastIndex(of: "."), name[dot...].contains("/") == false else { return nil }
    switch name[name.index(after: dot)...] {
    case "txt", "text", "md", "markdown": self = .text
    case "jsonl", "ndjson": self = .jsonl
    case "csv", "tsv": self = .csv
    case "json": self = .lamp
    default: return nil
    }
  }

  /// The kind that content without a name looks like.
  init(content: String, columns: ColumnNames) {
    let start = content.prefix(1 << 12).drop(while: \.isWhitespace)
    if start.first == "[" || (start.first == "{" && LaMPReader.looksLikeAnswers(String(start))) {
      self = start.first == "[" && !LaMPReader.looksLikeJSON(String(start)) ? .text : .lamp
    } else if JSONLinesReader.looksRight(content) {
      self = .jsonl
    } else if CSVReader.looksRight(content, columns: columns) {
      self = .csv
    } else {
      self = .text
    }
  }
}
