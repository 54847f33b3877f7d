/// Reads text and Markdown files: each file is a group, or each work where form feeds divide one.
///
/// Its date is that of its front matter, or else the one its file's name begins with.
enum TextReader {
  static func read(
    _ text: String, path: String, _ options: ReadingOptions, into reading: inout Reading
  ) {
    let name = path.isEmpty ? "text" : path
    let works = works(of: text)
    for (index, work) in works.enumerated() {
      let (rest, title, date) = frontMatter(of: work)
      let body = TextDecoding.normalised(rest)
      if body.isEmpty {
        if works.count == 1 { reading.note(path, .empty, .skipped) }
        continue
      }
      var record = Record(
        id: works.count == 1 ? name : "\(name)@\(index + 1)", source: path, text: body,
        title: title)
      guard let date else {
        reading.add(record, dateInName: self.date(inName: path), options)
        continue
      }
      record.date = CalendarDate.normalised(date)
      if record.date == nil { reading.note(path, .date, first: date, .leftUndated) }
      reading.add(record, options)
    }
  }

  /// The day that a file's name begins with: `2026-01-10 walk.md`, `20260110.txt`.
  private static func date(inName path: String) -> String? {
    let name = path.split(separator: "/").last ?? ""
    for length in [10, 8] where name.utf8.count > length {
      let start = name.prefix(length)
      guard start.utf8.count == length, name.dropFirst(length).first?.isNumber == false else {
        continue
      }
      if let day = CalendarDate.normalised(start), day.utf8.count == 10 { return day }
    }
    return nil
  }

  /// The works of a file: what stands between lines that hold a form feed alone.
  static func works(of text: String) -> [Substring] {
    guard text.utf8.contains(0x0C) else { return [text[...]] }
    var works: [Substring] = []
    var start = text.startIndex
    var at = text.startIndex
    while at < text.endIndex {
      let end = text[at...].firstIndex(where: \.isNewlineButFormFeed) ?? text.endIndex
      let line = text[at..<end]
      let next = end < text.endIndex ? text.index(after: end) : end
      if line.contains("\u{0C}"), line.allSatisfy(\.isWhitespace) {
        works.append(text[start..<at])
        start = next
      }
      at = next
    }
    works.append(text[start...])
    let filled = works.filter { !$0.allSatisfy(\.isWhitespace) }
    return filled.isEmpty ? [text[...]] : filled
  }

  /// Takes a block between lines of three hyphens off the start of a text.
  private static func frontMatter(
    of text: Substring
  ) -> (body: Substring, title: String?, date: String?) {
    let lines = text.split(
      maxSplits: 200, omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    guard let first = lines.first, first.drop(while: { $0 == "\u{FEFF}" }).isFence,
      let end = lines.dropFirst().firstIndex(where: \.isFence), end < 200
    else { return (text, nil, nil) }
    var values: [String: String] = [:]
    for line in lines[1..<end] {
      // A block that is not all fields, lists and comments is prose between rules.
      guard let colon = line.firstIndex(of: ":") else {
        let content = String(line).trimmed
        if content.isEmpty || content.hasPrefix("#") || content.hasPrefix("-") { continue }
        return (text, nil, nil)
      }
      let key = String(line[..<colon]).trimmed.lowercased()
      let value = String(line[line.index(after: colon)...]).trimmed
      if values[key] == nil { values[key] = value.unquoted }
    }
    guard !values.isEmpty else { return (text, nil, nil) }
    let body = text[lines[end].endIndex...].drop(while: \.isNewline)
    return (body, values["title"].flatMap { $0.isEmpty ? nil : $0 }, values["date"])
  }
}

extension Character {
  fileprivate var isNewlineButFormFeed: Bool { isNewline && self != "\u{0C}" }
}

extension Substring {
  fileprivate var isFence: Bool { String(self).trimmed == "---" }
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
