/// Reads dates as people and programs write them, into one form that sorts as text.
///
/// The form is as exact as what was written: `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, or with a time,
/// `YYYY-MM-DDTHH:MM:SS`, moved to UTC (and marked `Z`) where an offset is given.
public enum CalendarDate {
  /// The date in the sorting form; nil if the text is no date.
  public static func normalised(_ text: some StringProtocol) -> String? {
    var scan = Scan(text)
    scan.skipSpaces()
    guard let year = scan.digits(4), year > 0 else { return nil }
    guard let separator = scan.separator("-/.") else {
      if let compact = compactDay(year: year, &scan) { return compact }
      return scan.atEnd ? pad(year, 4) : nil
    }
    guard let month = scan.upToTwoDigits(), (1...12).contains(month) else { return nil }
    if scan.atEnd { return "\(pad(year, 4))-\(pad(month, 2))" }
    guard scan.take(separator), let day = scan.upToTwoDigits(),
      (1...length(of: month, in: year)).contains(day)
    else { return nil }
    let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
    if scan.atEnd { return date }
    guard scan.take("T") || scan.take("t") || scan.skipSpaces() else { return nil }
    return time(after: days(year, month, day), date, &scan)
  }

  /// The date of a number: a year, a day written YYYYMMDD, or seconds or milliseconds since 1970.
  public static func normalised(_ number: Double) -> String? {
    guard number.isFinite, number.magnitude < 1e14 else { return nil }
    if number >= 1, number <= 9999 { return pad(Int(number), 4) }
    guard number >= 1e7 else { return nil }
    // As seconds, such a number would be of the seventies.
    if number < 1e8, let whole = Int(exactly: number), let day = normalised(String(whole)) {
      return day
    }
    return instant(seconds: Int((number >= 1e11 ? number / 1000 : number).rounded(.down)))
  }

  /// Reads a field of a table or an object, where seconds since 1970 may stand as text.
  static func inField(_ text: String) -> String? {
    normalised(text) ?? Double(text.trimmed).flatMap { normalised($0) }
  }

  private static func compactDay(year: Int, _ scan: inout Scan) -> String? {
    guard let month = scan.digits(2), (1...12).contains(month), let day = scan.digits(2),
      (1...length(of: month, in: year)).contains(day), scan.atEnd
    else { return nil }
    return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
  }

  private static func time(after day: Int, _ date: String, _ scan: inout Scan) -> String? {
    guard let hour = scan.upToTwoDigits(), hour < 24, scan.take(":"),
      let minute = scan.digits(2), minute < 60
    else { return nil }
    var second = 0
    if scan.take(":") {
      guard let read = scan.digits(2), read <= 60 else { return nil }
      second = min(read, 59)
      if scan.take(".") || scan.take(",") { scan.skipDigits() }
    }
    scan.skipSpaces()
    let local = "\(date)T\(pad(hour, 2)):\(pad(minute, 2)):\(pad(second, 2))"
    if scan.atEnd { return local }
    if scan.take("Z") || scan.take("z") || scan.take("UTC") || scan.take("GMT") {
      return scan.atEnd ? local + "Z" : nil
    }
    let west = scan.take("-")
    guard west || scan.take("+"), let hours = scan.digits(2) else { return nil }
    _ = scan.take(":")
    let minutes = scan.digits(2) ?? 0
    guard scan.atEnd, hours < 24, minutes < 60 else { return nil }
    let offset = (hours * 60 + minutes) * 60
    return instant(
      seconds: day * 86400 + hour * 3600 + minute * 60 + second + (west ? offset : -offset))
  }

  private static func instant(seconds: Int) -> String {
    let (day, rest) = floorDivide(seconds, 86400)
    let (year, month, dayOfMonth) = civil(day)
    return "\(pad(year, 4))-\(pad(month, 2))-\(pad(dayOfMonth, 2))"
      + "T\(pad(rest / 3600, 2)):\(pad(rest / 60 % 60, 2)):\(pad(rest % 60, 2))Z"
  }

  private static func pad(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func length(of month: Int, in year: Int) -> Int {
    switch month {
    case 2:
      year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func floorDivide(_ a: Int, _ b: Int) -> (Int, Int) {
    let remainder = ((a % b) + b) % b
    return ((a - remainder) / b, remainder)
  }

  /// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = floorDivide(shifted, 400)
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func civil(_ day: Int) -> (Int, Int, Int) {
    let (era, dayOfEra) = floorDivide(day + 719_468, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (
      era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
    )
  }
}

/// Reads a short text from left to right.
private struct Scan {
  private let units: [UInt8]
  private var at = 0

  init(_ text: some StringProtocol) {
    var units = Array(text.utf8)
    while let last = units.last, last == 0x20 || last == 0x09 { units.removeLast() }
    self.units = units
  }

  var atEnd: Bool { at == units.count }

  @discardableResult
  mutating func skipSpaces() -> Bool {
    let start = at
    while at < units.count, units[at] == 0x20 || units[at] == 0x09 { at += 1 }
    return at > start
  }

  mutating func skipDigits() {
    while at < units.count, (0x30...0x39).contains(units[at]) { at += 1 }
  }

  mutating func digits(_ count: Int) -> Int? {
    guard at + count <= units.count else { return nil }
    var value = 0
    for unit in units[at..<at + count] {
      guard (0x30...0x39).contains(unit) else { return nil }
      value = value * 10 + Int(unit - 0x30)
    }
    at += count
    return value
  }

  mutating func upToTwoDigits() -> Int? { digits(2) ?? digits(1) }

  mutating func take(_ text: String) -> Bool {
    let wanted = Array(text.utf8)
    guard units[at...].starts(with: wanted) else { return false }
    at += wanted.count
    return true
  }

  mutating func separator(_ allowed: String) -> String? {
    guard at < units.count, allowed.utf8.contains(units[at]) else { return nil }
    at += 1
    return String(decoding: [units[at - 1]], as: UTF8.self)
  }
}
