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
    for row in table.rows.dropFirst() {
      let place = "line \(row.line)"
      if row.fields.count != columns.count {
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

  /// Whether the first line is a header with a text column and at least one more.
  static func looksRight(_ content: String, columns: ColumnNames) -> Bool {
    guard let line = content.split(whereSeparator: \.isNewline).first, line.utf8.count < 4096,
      let header = CSVTable(String(line)).rows.first
    else { return false }
    let names = header.fields.map { $0.trimmed.lowercased() }
    return names.count > 1 && names.contains(where: columns.text.contains)
  }
}

/// Stores the rows of a table.
struct CSVTable {
  /// One row, and the line it starts on.
  struct Row {
    var fields: [String]
    var line: Int
  }

  private(set) var rows: [Row] = []
  /// The line of a quote that nothing closes; nil if all are closed.
  private(set) var openQuote: Int?

  /// Reads a table; the separator is the one that is most frequent in the first line.
  init(_ text: String) {
    let units = Array(text.utf8)
    let separator = Self.separator(of: units)
    var field: [UInt8] = []
    var fields: [String] = []
    var isQuoted = false
    var line = 1
    var rowLine = 1
    var quoteLine = 1
    var at = 0

    func endField() {
      fields.append(String(decoding: field, as: UTF8.self))
      field = []
    }
    func endRow() {
      endField()
      if fields.count > 1 || fields.first?.isEmpty == false {
        rows.append(Row(fields: fields, line: rowLine))
      }
      fields = []
    }

    while at < units.count {
      let unit = units[at]
      if isQuoted {
        if unit == 0x22 {
          if at + 1 < units.count, units[at + 1] == 0x22 {
            field.append(0x22)
            at += 1
          } else {
            isQuoted = false
          }
        } else {
          if unit == 0x0A { line += 1 }
          field.append(unit)
        }
      } else if unit == 0x22, field.isEmpty {
        isQuoted = true
        quoteLine = line
      } else if unit == separator {
        endField()
      } else if unit == 0x0A || unit == 0x0D {
        if unit == 0x0D, at + 1 < units.count, units[at + 1] == 0x0A { at += 1 }
        endRow()
        line += 1
        rowLine = line
      } else {
        field.append(unit)
      }
      at += 1
    }
    if isQuoted { openQuote = quoteLine }
    if !field.isEmpty || !fields.isEmpty { endRow() }
  }

  private static func separator(of units: [UInt8]) -> UInt8 {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    for unit in units {
      if unit == 0x22 { isQuoted.toggle() }
      if !isQuoted, unit == 0x0A || unit == 0x0D { break }
      if !isQuoted { counts[unit, default: 0] += 1 }
    }
    let comma = UInt8(ascii: ",")
    return [comma, UInt8(ascii: ";"), UInt8(ascii: "\t")].max {
      // Of equals the earlier one wins, so that the choice does not depend on order.
      counts[$0, default: 0] < counts[$1, default: 0]
    } ?? comma
  }
}
