/// Stores what a user may say about how their source is to be read.
public struct ReadingOptions: Sendable {
  /// What every file holds; nil to go by name and content.
  public var kind: SourceKind?
  /// The column or field that holds the text; empty for the usual names.
  public var textColumn = ""
  /// Of a questions file: whose questions; empty where there is one user only.
  public var user = ""
  /// Files above this are left out.
  public var maximumFileBytes = 64 << 20
  /// Texts above this are cut into passages of one group.
  public var passageCharacters = 8000

  public init() {}

  /// The names looked for in tables.
  var columns: ColumnNames { ColumnNames(text: textColumn) }
}

/// Stores under which names the parts of a record are found in tables and objects.
struct ColumnNames: Sendable {
  let text: [String]
  let id = ["id", "_id", "uuid", "key"]
  let date = ["date", "created_at", "created", "timestamp", "time", "published", "datetime"]
  let title = ["title", "subject", "headline"]
  let group = ["group", "thread", "thread_id", "work", "conversation"]

  init(text chosen: String = "") {
    text = chosen.isEmpty ? ["text", "body", "content", "abstract"] : [chosen.lowercased()]
  }
}
