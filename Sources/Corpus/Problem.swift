/// Stores what was wrong with a file, and what was done about it.
public struct Problem: Codable, Equatable, Sendable {
  /// The file, relative to the source.
  public var path: String
  public var kind: Kind
  /// How often it occurred in this file.
  public var count: Int
  /// Where it occurred first, as a line, row or name; nil for the file as a whole.
  public var first: String?
  /// What was done about it.
  public var action: Action

  public init(
    path: String, _ kind: Kind, count: Int = 1, first: String? = nil, action: Action
  ) {
    self.path = path
    self.kind = kind
    self.count = count
    self.first = first
    self.action = action
  }

  /// What was wrong.
  public enum Kind: String, Codable, Sendable {
    case empty, giant, binary, unreadable
    case nulBytes = "NUL bytes"
    case brokenUTF8 = "broken UTF-8"
    case notUTF8 = "not UTF-8"
    case utf16 = "UTF-16"
    case unknownKind = "kind not known"
    case brokenLine = "broken line"
    case brokenItem = "broken item"
    case frontMatter = "front matter not understood"
    case noText = "no text"
    case noTextColumn = "no text column"
    case columns = "columns do not match the header"
    case surplus = "more fields than columns"
    case openQuote = "quote never closed"
    case date = "date not understood"
    case repeatedID = "id used twice"
    case noID = "no id"
    case noAnswer = "question without an answer"
    case askedLater = "asked about by a question"
    case compressed = "broken compression"
    case nameDates = "dates of file names allow no split"
    case long = "long text"
  }

  /// What was done about it.
  public enum Action: String, Codable, Sendable {
    case skipped, repaired, decoded, renamed, divided
    case leftUndated = "left undated"
    /// The block before a text is taken for a part of it.
    case asText = "read as text"
    /// What stands beyond the last column is left out.
    case lost = "the rest lost"
  }
}

extension Problem: CustomStringConvertible {
  public var description: String {
    (path.isEmpty ? "the file" : path) + ": \(kind.rawValue)"
      + (count > 1 ? " × \(count)" : "") + (first.map { " (first: \($0))" } ?? "")
      + ", \(action.rawValue)"
  }
}
