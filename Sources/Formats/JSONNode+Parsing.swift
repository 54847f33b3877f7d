extension JSONNode {
  /// Parses one JSON text.
  /// - Parameter format: what the text is part of, for messages.
  public init(parsing bytes: some Collection<UInt8>, format: String = "JSON") throws(FormatError) {
    let content = Array(bytes)
    var parser = JSONParser(content, format: format)
    self = try parser.parseDocument()
  }
}

/// Walks once over the bytes of a JSON text.
private struct JSONParser {
  private let bytes: [UInt8]
  private var at = 0
  private let format: String
  /// Hostile input must not exhaust the stack.
  private static let deepest = 128

  init(_ bytes: [UInt8], format: String) {
    self.bytes = bytes
    self.format = format
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { at = 3 }
  }

  mutating func parseDocument() throws(FormatError) -> JSONNode {
    let value = try parseValue(depth: 0)
    skipSpace()
    guard at == bytes.count else { throw wrong("text after the end of the JSON value") }
    return value
  }

  private func wrong(_ what: String) -> FormatError {
    .invalid(format: format, field: "JSON at byte \(at)", found: what)
  }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[at]) { at += 1 }
  }

  private mutating func parseValue(depth: Int) throws(FormatError) -> JSONNode {
    guard depth < Self.deepest else { throw wrong("nested deeper than \(Self.deepest)") }
    skipSpace()
    guard at < bytes.count else { throw wrong("end of text") }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try parseObject(depth: depth)
    case UInt8(ascii: "["): return try parseArray(depth: depth)
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
    case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
    case UInt8(ascii: "n"): return try parseWord("null", .null)
    default: return try parseNumber()
    }
  }

  private mutating func parseWord(_ word: StaticString, _ value: JSONNode) throws(FormatError)
    -> JSONNode
  {
    let end = at + word.utf8CodeUnitCount
    let matches = word.withUTF8Buffer { end <= bytes.count && bytes[at..<end].elementsEqual($0) }
    guard matches else { throw wrong("an unknown word") }
    at = end
    return value
  }

  private mutating func parseObject(depth: Int) throws(FormatError) -> JSONNode {
    at += 1
    var members: [JSONMember] = []
    skipSpace()
    if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
      at += 1
      return .object(members)
    }
    while true {
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw wrong("no member name") }
      let name = try parseString()
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw wrong("no colon") }
      at += 1
      members.append(JSONMember(name, try parseValue(depth: depth + 1)))
      skipSpace()
      guard at < bytes.count else { throw wrong("end of text in an object") }
      at += 1
      switch bytes[at - 1] {
      case UInt8(ascii: ","): continue
      case UInt8(ascii: "}"): return .object(members)
      default: throw wrong("neither comma nor brace")
      }
    }
  }

  private mutating func parseArray(depth: Int) throws(FormatError) -> JSONNode {
    at += 1
    var elements: [JSONNode] = []
    skipSpace()
    if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
      at += 1
      return .array(elements)
    }
    while true {
      elements.append(try parseValue(depth: depth + 1))
      skipSpace()
      guard at < bytes.count else { throw wrong("end of text in an array") }
      at += 1
      switch bytes[at - 1] {
      case UInt8(ascii: ","): continue
      case UInt8(ascii: "]"): return .array(elements)
      default: throw wrong("neither comma nor bracket")
      }
    }
  }

  private mutating func parseString() throws(FormatError) -> String {
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\") {
      guard bytes[at] >= 0x20 else { throw wrong("a control character in a string") }
      at += 1
    }
    guard at < bytes.count else { throw wrong("end of text in a string") }
    if bytes[at] == UInt8(ascii: "\"") {
      at += 1
      return try text(bytes[start..<at - 1])
    }
    return try parseEscapedString(Array(bytes[start..<at]))
  }

  private func text(_ units: some Sequence<UInt8>) throws(FormatError) -> String {
    guard let text = String(validating: units, as: UTF8.self) else { throw wrong("not UTF-8") }
    return text
  }

  private mutating func parseEscapedString(_ plain: [UInt8]) throws(FormatError) -> String {
    var units = plain
    while at < bytes.count {
      let unit = bytes[at]
      at += 1
      if unit == UInt8(ascii: "\"") { return try text(units) }
      guard unit >= 0x20 else { throw wrong("a control character in a string") }
      guard unit == UInt8(ascii: "\\") else {
        units.append(unit)
        continue
      }
      guard at < bytes.count else { break }
      let escape = bytes[at]
      at += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(escape)
      case UInt8(ascii: "b"): units.append(0x08)
      case UInt8(ascii: "f"): units.append(0x0c)
      case UInt8(ascii: "n"): units.append(0x0a)
      case UInt8(ascii: "r"): units.append(0x0d)
      case UInt8(ascii: "t"): units.append(0x09)
      case UInt8(ascii: "u"): units.append(contentsOf: Array(String(try parseCodePoint()).utf8))
      default: throw wrong("an unknown escape")
      }
    }
    throw wrong("end of text in a string")
  }

  /// Reads the digits after `\u`, and the second half of a surrogate pair; a lone half becomes
  /// U+FFFD.
  private mutating func parseCodePoint() throws(FormatError) -> Character {
    let first = try parseHex()
    if let scalar = Unicode.Scalar(first) { return Character(scalar) }
    let replacement: Character = "\u{fffd}"
    guard first < 0xdc00, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
      bytes[at + 1] == UInt8(ascii: "u")
    else { return replacement }
    let before = at
    at += 2
    let second = try parseHex()
    guard (0xdc00..<0xe000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    else {
      at = before
      return replacement
    }
    return Character(scalar)
  }

  private mutating func parseHex() throws(FormatError) -> UInt32 {
    guard at + 4 <= bytes.count else { throw wrong("end of text in an escape") }
    var value: UInt32 = 0
    for unit in bytes[at..<at + 4] {
      guard let digit = Character(Unicode.Scalar(unit)).hexDigitValue else {
        throw wrong("an escape without four digits")
      }
      value = value << 4 | UInt32(digit)
    }
    at += 4
    return value
  }

  private mutating func parseNumber() throws(FormatError) -> JSONNode {
    let start = at
    var isWhole = true
    scan: while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
      case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
        isWhole = false
      default: break scan
      }
      at += 1
    }
    let digits = String(decoding: bytes[start..<at], as: UTF8.self)
    if isWhole, let value = Int(digits) { return .int(value) }
    guard let first = digits.utf8.first,
      first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
      let value = Double(digits)
    else {
      at = start
      throw wrong("no JSON value")
    }
    let hasSign = first == UInt8(ascii: "-")
    // What else is whole but starts with a zero is no JSON; it is read as it ever was.
    let isLarge = isWhole && digits.utf8.dropFirst(hasSign ? 1 : 0).first != UInt8(ascii: "0")
    return isLarge ? .largeInt(digits) : .double(value)
  }
}
