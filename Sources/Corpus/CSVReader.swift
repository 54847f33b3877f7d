import Bytes

/// Reads tables with a header and a text column (RFC 4180; comma, semicolon or tab).
enum CSVReader {
  static func read(
    _ text: String, path: String, _ options: ReadingOptions, into reading: inout Reading
  ) {
    let names = options.columns
    let table = CSVTable(text)
    guard let header = table.rows.first else {
      reading.note(path, .empty, .skipped)
      return
    }
    let columns = header.fields.map { $0.trimmed.lowercased() }
    func column(_ names: [String]) -> Int? {
      for name in names { if let at = columns.firstIndex(of: name) { return at } }
      return nil
    }
    guard let textColumn = column(names.text) else {
      reading.note(
        path, .noTextColumn, first: "columns " + columns.prefix(20).joined(separator: ", "),
        .skipped)
      return
    }
    if let line = table.openQuote {
      reading.note(path, .openQuote, first: "line \(line)", .repaired)
    }
    let (idColumn, dateColumn) = (column(names.id), column(names.date))
    let (titleColumn, groupColumn) = (column(names.title), column(names.group))
    for var row in table.rows.dropFirst() {
      let place = "line \(row.line)"
      let surplus = row.fields.count - columns.count
      if surplus > 0, row.fields.suffix(surplus).allSatisfy(\.isEmpty) {
        // A table program ends every line alike.
        row.fields.removeLast(surplus)
        reading.note(path, .columns, first: place, .repaired)
      } else if surplus > 0, textColumn == columns.count - 1 {
        // Of the commas of a text without quotes only the first ones divide.
        let text = row.fields[textColumn...].joined(separator: table.separator)
        row.fields.replaceSubrange(textColumn..., with: [text])
        reading.note(path, .columns, first: place, .repaired)
      } else if surplus > 0 {
        reading.note(
          path, .surplus, first: "\(place), \(surplus) of \(row.fields.count)", .lost)
      } else if surplus < 0 {
        reading.note(path, .columns, first: place, .repaired)
      }
      func field(_ at: Int?) -> String? {
        guard let at, at < row.fields.count else { return nil }
        let value = TextDecoding.normalised(row.fields[at])
        return value.isEmpty ? nil : value
      }
      guard let body = field(textColumn) else {
        reading.note(path, .noText, first: place, .skipped)
        continue
      }
      let written = field(dateColumn)
      let date = written.flatMap { CalendarDate.inField($0) }
      if written != nil, date == nil { reading.note(path, .date, first: place, .leftUndated) }
      let title = field(titleColumn)
      let id = field(idColumn) ?? RecordName.of(body)
      reading.add(
        Record(
          id: id, date: date, group: field(groupColumn) ?? title ?? id,
          source: "\(path):\(row.line)", text: body, title: title), options)
    }
  }

  /// Whether the first line is a header with a text column, and the ten rows below it (one at least)
  /// have as many fields: prose may begin with "Body, mind and soul".
  static func looksRight(_ content: String, columns: ColumnNames) -> Bool {
    guard let line = content.split(maxSplits: 1, whereSeparator: \.isNewline).first,
      line.utf8.count < 4096
    else { return false }
    let rows = CSVTable(content, limit: 11).rows
    guard let header = rows.first, rows.count > 1 else { return false }
    let names = header.fields.map { $0.trimmed.lowercased() }
    guard names.contains(where: columns.text.contains),
      rows.allSatisfy({ $0.fields.count == names.count })
    else { return false }
    // One column alone could be a heading: a table has a name in lower case, and no empty lines.
    return names.count > 1
      || header.fields == names && rows.count > 2 && rows[1].line == 2
        && zip(rows, rows.dropFirst()).allSatisfy { $0.endLine + 1 == $1.line }
  }
}
