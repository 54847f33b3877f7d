/// Reads text and Markdown files: each file is a group, or each work where form feeds divide one.
///
/// Its date is that of its front matter, under any of the names that columns of dates have, or else
/// the one its file's name begins with.
enum TextReader {
  static func read(
    _ text: String, path: String, _ options: ReadingOptions, into reading: inout Reading
  ) {
    let name = path.isEmpty ? "text" : path
    let works = works(of: text)
    for (index, work) in works.enumerated() {
      var (rest, values) = (work, [String: String]())
      switch FrontMatter.read(work, dateNames: options.columns.date) {
      case .found(let matter): (rest, values) = (matter.body, matter.values)
      case .notUnderstood: reading.note(path, .frontMatter, .asText)
      case .none: break
      }
      let body = TextDecoding.normalised(rest)
      if body.isEmpty {
        if works.count == 1 { reading.note(path, .empty, .skipped) }
        continue
      }
      var record = Record(
        id: works.count == 1 ? name : "\(name)@\(index + 1)", source: path, text: body,
        title: values["title"].flatMap { $0.isEmpty ? nil : $0 })
      let written = options.columns.date.compactMap { values[$0] }.filter { !$0.isEmpty }
      record.date = written.lazy.compactMap { CalendarDate.inField($0) }.first
      guard record.date == nil else {
        reading.add(record, options)
        continue
      }
      // A `date` that is none says that the note's is not known; `time: 20 minutes` says nothing.
      let isSaid = values["date"]?.isEmpty == false
      let inName = isSaid ? nil : date(inName: path)
      if inName == nil, let first = written.first(where: { $0 != "true" && $0 != "false" }) {
        reading.note(path, .date, first: first, .leftUndated)
      }
      reading.add(record, dateInName: inName, options)
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
}

extension Character {
  fileprivate var isNewlineButFormFeed: Bool { isNewline && self != "\u{0C}" }
}
