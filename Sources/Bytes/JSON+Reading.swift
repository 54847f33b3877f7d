/// Says where and why a text is not JSON.
public struct JSONError: Error, Equatable, Sendable {
  /// What is wrong at the place.
  public enum Reason: String, Sendable {
    case endsEarly = "the text ends too early"
    case unexpected = "something else was expected here"
    case badNumber = "not a number"
    case badText = "a text with a wrong escape, a raw control character or broken UTF-8"
    case tooDeep = "nested too deeply"
    case trailing = "there is more after the value"
  }

  public let reason: Reason
  /// The byte where it was noticed.
  public let offset: Int
}

extension JSON {
  /// Reads a text; `JSON(parsing: line)`.
  public init(parsing text: String) throws(JSONError) {
    try self.init(parsing: Array(text.utf8))
  }

  /// Reads the UTF-8 of a text. Of two members of one name the last counts.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }
}

/// Reads JSON by recursive descent (RFC 8259).
private struct JSONParser {
  let bytes: [UInt8]
  var at = 0
  var depth = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONError) -> JSON {
    let value = try value()
    skipSpace()
    guard at == bytes.count else { throw JSONError(reason: .trailing, offset: at) }
    return value
  }

  private func failure(_ reason: JSONError.Reason) -> JSONError {
    JSONError(reason: at >= bytes.count ? .endsEarly : reason, offset: at)
  }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[at]) { at += 1 }
  }

  private mutating func take(_ unit: UInt8) -> Bool {
    guard at < bytes.count, bytes[at] == unit else { return false }
    at += 1
    return true
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    let units = Array("\(word)".utf8)
    guard bytes.count - at >= units.count, Array(bytes[at..<at + units.count]) == units else {
      throw failure(.unexpected)
    }
    at += units.count
    return value
  }

  private mutating func value() throws(JSONError) -> JSON {
    skipSpace()
    guard at < bytes.count else { throw failure(.endsEarly) }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try text())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws(JSONError) -> JSON
  ) throws(JSONError) -> JSON {
    guard depth < 200 else { throw failure(.tooDeep) }
    depth += 1
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func object() throws(JSONError) -> JSON {
    at += 1
    var members: [String: JSON] = [:]
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw failure(.unexpected) }
      let name = try text()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw failure(.unexpected) }
      members[name] = try value()
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(members) }
      guard take(UInt8(ascii: ",")) else { throw failure(.unexpected) }
    }
  }

  private mutating func array() throws(JSONError) -> JSON {
    at += 1
    var elements: [JSON] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      elements.append(try value())
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      guard take(UInt8(ascii: ",")) else { throw failure(.unexpected) }
    }
  }

  private mutating func digits() throws(JSONError) {
    let start = at
    while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
    guard at > start else { throw failure(.badNumber) }
  }

  private mutating func number() throws(JSONError) -> JSON {
    let start = at
    var whole = true
    _ = take(UInt8(ascii: "-"))
    let first = at
    try digits()
    guard bytes[first] != UInt8(ascii: "0") || at == first + 1 else {
      throw JSONError(reason: .badNumber, offset: start)
    }
    if take(UInt8(ascii: ".")) {
      whole = false
      try digits()
    }
    if at < bytes.count, [UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[at]) {
      whole = false
      at += 1
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if whole, text != "-0", let value = Int(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else {
      throw JSONError(reason: .badNumber, offset: start)
    }
    return .double(value)
  }

  private mutating func text() throws(JSONError) -> String {
    at += 1
    let start = at
    var out: [UInt8] = []
    while at < bytes.count {
      let unit = bytes[at]
      switch unit {
      case UInt8(ascii: "\""):
        at += 1
        guard let text = String(validating: out, as: UTF8.self) else {
          throw JSONError(reason: .badText, offset: start)
        }
        return text
      case UInt8(ascii: "\\"):
        at += 1
        try escape(into: &out)
      case 0..<0x20:
        throw failure(.badText)
      default:
        out.append(unit)
        at += 1
      }
    }
    throw failure(.endsEarly)
  }

  private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
    guard at < bytes.count else { throw failure(.endsEarly) }
    let unit = bytes[at]
    at += 1
    switch unit {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(unit)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0c)
    case UInt8(ascii: "n"): out.append(0x0a)
    case UInt8(ascii: "r"): out.append(0x0d)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xd800..<0xdc00).contains(code), bytes.count - at >= 6,
        bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u")
      {
        let back = at
        at += 2
        let low = try hexadecimal()
        if (0xdc00..<0xe000).contains(low) {
          code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        } else {
          at = back
        }
      }
      // Half a surrogate pair has no UTF-8: the replacement character stands for it.
      let scalar = Unicode.Scalar(code) ?? "\u{fffd}"
      out += String(Character(scalar)).utf8
    default:
      at -= 1
      throw failure(.badText)
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard bytes.count - at >= 4 else { throw JSONError(reason: .endsEarly, offset: at) }
    var code: UInt32 = 0
    for unit in bytes[at..<at + 4] {
      guard let digit = Character(Unicode.Scalar(unit)).hexDigitValue else {
        throw failure(.badText)
      }
      code = code << 4 | UInt32(digit)
    }
    at += 4
    return code
  }
}
