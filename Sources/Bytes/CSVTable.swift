/// Cuts a table into rows and fields (RFC 4180: quotes, doubled quotes, line breaks within quotes).
///
/// The separator is the comma, the semicolon or the tab: what a first line such as `sep=;` says, as
/// table programs write it, or else the one that is most frequent in the first line.
public struct CSVTable: Sendable {
  /// One row, and the lines it starts and ends on.
  public struct Row: Sendable {
    public var fields: [String]
    public var line: Int
    public var endLine: Int
  }

  public private(set) var rows: [Row] = []
  /// The line of a quote that nothing closes; nil if all are closed.
  public private(set) var openQuote: Int?
  /// What stands between fields.
  public let separator: String

  /// Reads a table, or its first rows.
  public init(_ text: String, limit: Int = .max) {
    let units = Array(text.utf8)
    let (separator, start) = Self.separator(of: units)
    self.separator = String(decoding: [separator], as: UTF8.self)
    var field: [UInt8] = []
    var fields: [String] = []
    var isQuoted = false
    var line = start > 0 ? 2 : 1
    var rowLine = line
    var quoteLine = line
    // A byte order mark is no part of a name.
    var at = start == 0 && units.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : start

    func endField() {
      fields.append(String(decoding: field, as: UTF8.self))
      field = []
    }
    func endRow() {
      endField()
      if fields.count > 1 || fields.first?.isEmpty == false {
        rows.append(Row(fields: fields, line: rowLine, endLine: line))
      }
      fields = []
    }

    while at < units.count, rows.count < limit {
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
    if rows.count < limit, !field.isEmpty || !fields.isEmpty { endRow() }
  }

  /// The separator, and where the table starts.
  private static func separator(of units: [UInt8]) -> (UInt8, Int) {
    let lead = units.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var first = Array(units[lead...].prefix(16).prefix { $0 != 0x0A && $0 != 0x0D })
    let length = first.count
    if first.first == 0x22, first.last == 0x22, length > 1 { first = Array(first[1..<length - 1]) }
    if first.count == 5, String(decoding: first.prefix(4), as: UTF8.self).lowercased() == "sep=",
      [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")].contains(first[4]),
      lead + length < units.count
    {
      let isPair = units[(lead + length)...].starts(with: [0x0D, 0x0A])
      return (first[4], lead + length + (isPair ? 2 : 1))
    }
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    for unit in units {
      if unit == 0x22 { isQuoted.toggle() }
      if !isQuoted, unit == 0x0A || unit == 0x0D { break }
      if !isQuoted { counts[unit, default: 0] += 1 }
    }
    let comma = UInt8(ascii: ",")
    let best = [comma, UInt8(ascii: ";"), UInt8(ascii: "\t")].max {
      // Of equals the earlier one wins, so that the choice does not depend on order.
      counts[$0, default: 0] < counts[$1, default: 0]
    }
    return (best ?? comma, 0)
  }
}
