/// Stores a text or a number of a JSON file, where files disagree on which of them a field holds.
enum PlainValue: Decodable {
  case text(String)
  /// A whole number, in digits: above 2^53 a `Double` would round it, and names would collide.
  case whole(String)
  case number(Double)

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let number = try? container.decode(Int64.self) {
      self = .whole(String(number))
    } else if let number = try? container.decode(UInt64.self) {
      self = .whole(String(number))
    } else {
      self = .number(try container.decode(Double.self))
    }
  }

  /// Whether there is nothing but white space.
  var isEmpty: Bool {
    if case .text(let text) = self { text.trimmed.isEmpty } else { false }
  }

  var text: String {
    switch self {
    case .text(let text), .whole(let text): text
    case .number(let number): Int(exactly: number).map(String.init) ?? String(number)
    }
  }

  var date: String? {
    switch self {
    case .text(let text): CalendarDate.inField(text)
    case .whole(let digits): Double(digits).flatMap { CalendarDate.normalised($0) }
    case .number(let number): CalendarDate.normalised(number)
    }
  }
}
