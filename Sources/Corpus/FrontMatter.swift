/// Stores the fields of the block that a note may begin with: YAML between lines of three hyphens
/// (or up to three full stops), or TOML between lines of three plus signs.
///
/// Of YAML as much is read as such blocks hold: fields, lists, comments, and indented lines that
/// go on with the field above them. The fields within a field or a table are passed over.
struct FrontMatter {
  /// The values by their names in lower case, without quotes and comments.
  private(set) var values: [String: String] = [:]
  /// What stands behind the block.
  private(set) var body: Substring

  /// A longer block is text.
  static let lines = 200

  /// What was found at the start of a text.
  enum Outcome {
    case none
    case found(FrontMatter)
    /// A block that cannot be read as fields, though a line of it begins like a date's.
    case notUnderstood
  }

  /// Takes the block off the start of a text, if there is one.
  /// - Parameter dateNames: the names that a date may have.
  static func read(_ text: Substring, dateNames: [String]) -> Outcome {
    let lines = text.split(
      maxSplits: Self.lines, omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    guard let first = lines.first else { return .none }
    let fence = String(first).trimmed
    guard fence == "---" || fence == "+++" else { return .none }
    let end = lines.dropFirst().firstIndex {
      String($0).trimmed == fence || fence == "---" && $0.hasPrefix("...") && $0.trimmedEnd == "..."
    }
    guard let end, end < Self.lines else {
      // Without an end, what follows the first empty line is text for certain.
      let start = lines.dropFirst().prefix { !String($0).trimmed.isEmpty }
      return isDated(start, dateNames) ? .notUnderstood : .none
    }
    let block = lines[1..<end]
    var matter = FrontMatter(body: text[lines[end].endIndex...].drop(while: \.isNewline))
    let isRead = fence == "---" ? matter.readYAML(block) : matter.readTOML(block)
    if isRead, !matter.values.isEmpty { return .found(matter) }
    return isDated(block, dateNames) ? .notUnderstood : .none
  }

  private init(body: Substring) { self.body = body }

  private static func isDated(_ lines: ArraySlice<Substring>, _ names: [String]) -> Bool {
    lines.contains { line in
      guard let mark = line.firstIndex(where: { $0 == ":" || $0 == "=" }) else { return false }
      return names.contains(String(line[..<mark]).trimmed.lowercased())
    }
  }

  /// Whether the lines are all fields, lists, comments and what goes on with them: else the block is
  /// prose between rules.
  private mutating func readYAML(_ lines: ArraySlice<Substring>) -> Bool {
    var margin: Int?
    var last: String?
    for line in lines {
      let content = String(line).trimmed
      if content.isEmpty || content.hasPrefix("#") { continue }
      let indent = line.prefix { $0 == " " || $0 == "\t" }.count
      if let margin, let last, indent > margin || content.hasPrefix("]") || content.hasPrefix("}") {
        if values[last] == "" { values[last] = Self.scalar(content) }
        continue
      }
      if content.hasPrefix("-") { continue }
      guard let colon = content.firstIndex(of: ":") else { return false }
      let key = String(content[..<colon]).trimmed.unquoted.lowercased()
      margin = margin ?? indent
      // Of two fields of one name the first counts; what goes on with the second is passed over.
      let isNew = values[key] == nil
      last = isNew ? key : "\(key)\n"
      if isNew { values[key] = Self.scalar(String(content[content.index(after: colon)...])) }
    }
    return true
  }

  /// As `readYAML`, for fields with equals signs, of which arrays and long strings may go on.
  private mutating func readTOML(_ lines: ArraySlice<Substring>) -> Bool {
    var table = ""
    var quotes: String?
    var depth = 0
    for line in lines {
      let content = String(line).trimmed
      if let open = quotes {
        if content.contains(open) { quotes = nil }
        continue
      }
      if depth > 0 {
        depth += Self.depth(of: content)
        continue
      }
      if content.isEmpty || content.hasPrefix("#") { continue }
      if content.hasPrefix("[") {
        table = content
        continue
      }
      guard let mark = content.firstIndex(of: "=") else { return false }
      let key = String(content[..<mark]).trimmed.unquoted.lowercased()
      let value = String(content[content.index(after: mark)...]).trimmed
      for long in ["\"\"\"", "'''"] where value.hasPrefix(long) {
        if !value.dropFirst(3).contains(long) { quotes = long }
      }
      if quotes == nil, value.hasPrefix("[") || value.hasPrefix("{") {
        depth = Self.depth(of: value)
      }
      if values[table + key] == nil { values[table + key] = Self.scalar(value) }
    }
    return true
  }

  /// How many more brackets a line opens than it closes, those in quotes aside.
  private static func depth(of line: String) -> Int {
    var depth = 0
    var quote: Character?
    for character in line {
      if let open = quote {
        if character == open { quote = nil }
        continue
      }
      switch character {
      case "\"", "'": quote = character
      case "[", "{": depth += 1
      case "]", "}": depth -= 1
      case "#": return depth
      default: break
      }
    }
    return depth
  }

  /// A value without its quotes, and without the comment behind it; empty where it only announces
  /// the lines below it (`|`, `>-`).
  private static func scalar(_ written: String) -> String {
    let value = written.trimmed
    if let mark = value.first, mark == "\"" || mark == "'" {
      var isEscaped = false
      let close = value.indices.dropFirst().first { at in
        defer { isEscaped = !isEscaped && mark == "\"" && value[at] == "\\" }
        return value[at] == mark && !isEscaped
      }
      if let close {
        let rest = String(value[value.index(after: close)...]).trimmed
        if rest.hasPrefix("#") {
          return String(value[value.index(after: value.startIndex)..<close])
        }
      }
      return value.unquoted
    }
    if value.hasPrefix("#") { return "" }
    if let mark = value.first, mark == "|" || mark == ">",
      value.dropFirst().allSatisfy({ "+-123456789".contains($0) })
    {
      return ""
    }
    var before: Character = "x"
    for at in value.indices {
      if value[at] == "#", before == " " || before == "\t" { return String(value[..<at]).trimmed }
      before = value[at]
    }
    return value
  }
}

extension Substring {
  fileprivate var trimmedEnd: String { String(String("x" + self).trimmed.dropFirst()) }
}

extension String {
  /// The text without a pair of quotes around it.
  fileprivate var unquoted: String {
    guard count >= 2, let mark = first, mark == "\"" || mark == "'", last == mark else {
      return self
    }
    return String(dropFirst().dropLast())
  }
}
