/// Cuts a template into tokens, with white space around tags treated as Hugging Face has it: the
/// line end behind a tag goes (`trim_blocks`), and so does the indentation before one
/// (`lstrip_blocks`).
struct TemplateLexer {
  private let source: [Unicode.Scalar]
  private var at = 0
  private var line = 1
  private var tokens: [TemplateToken] = []
  /// Whether what comes next stands at the start of a line.
  private var startsLine = true
  private static let longest = 1 << 20

  static func tokens(of source: String) throws(TemplateError) -> [TemplateToken] {
    guard source.utf8.count <= longest else {
      throw .tooMuch(what: "more than \(longest) bytes", line: 1)
    }
    var lexer = TemplateLexer(source)
    try lexer.run()
    return lexer.tokens
  }

  private init(_ text: String) {
    // Jinja takes every kind of line end for one, and leaves out the last.
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(text.utf8.count)
    var wasReturn = false
    for scalar in text.unicodeScalars {
      defer { wasReturn = scalar == "\r" }
      if scalar == "\n", wasReturn { continue }
      scalars.append(scalar == "\r" ? "\n" : scalar)
    }
    if scalars.last == "\n" { scalars.removeLast() }
    source = scalars
  }

  private func has(_ sign: String, at place: Int) -> Bool {
    var place = place
    for scalar in sign.unicodeScalars {
      guard place < source.count, source[place] == scalar else { return false }
      place += 1
    }
    return true
  }

  private mutating func add(_ kind: TemplateToken.Kind, line: Int? = nil) {
    tokens.append(TemplateToken(kind: kind, line: line ?? self.line))
  }

  private mutating func advance(to end: Int) {
    while at < end {
      if source[at] == "\n" { line += 1 }
      at += 1
    }
  }

  private mutating func run() throws(TemplateError) {
    while at < source.count {
      let start = at
      var end = at
      while end < source.count,
        !(source[end] == "{" && end + 1 < source.count
          && (source[end + 1] == "{" || source[end + 1] == "%" || source[end + 1] == "#"))
      {
        end += 1
      }
      guard end < source.count else {
        add(.text(text(start..<end)))
        advance(to: end)
        break
      }
      let opening = source[end + 1]
      let sign = end + 2 < source.count ? source[end + 2] : " "
      let kept = keptText(start..<end, opening: opening, sign: sign)
      if !kept.isEmpty { add(.text(text(kept))) }
      advance(to: end + 2)
      if sign == "-" || sign == "+" { advance(to: at + 1) }
      switch opening {
      case "{":
        add(.printOpen)
        try scan(closing: "}}", kind: .printClose)
      case "%":
        add(.tagOpen)
        try scan(closing: "%}", kind: .tagClose)
      default: try skipComment()
      }
    }
    add(.end)
  }

  private func text(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: source[range])
    return String(view)
  }

  /// What stays of the text before a tag.
  private func keptText(_ range: Range<Int>, opening: Unicode.Scalar, sign: Unicode.Scalar)
    -> Range<Int>
  {
    var end = range.upperBound
    if sign == "-" {
      while end > range.lowerBound, Self.isSpace(source[end - 1]) { end -= 1 }
      return range.lowerBound..<end
    }
    guard sign != "+", opening != "{" else { return range }
    var start = range.upperBound
    while start > range.lowerBound, source[start - 1] != "\n" { start -= 1 }
    guard start > range.lowerBound || startsLine else { return range }
    let isIndentation = source[start..<end].allSatisfy(Self.isSpace)
    if isIndentation { end = start }
    return range.lowerBound..<end
  }

  /// Goes over what follows a closing sign: all white space behind `-`, one line end behind tags.
  private mutating func skipAfterClose(_ sign: Unicode.Scalar, isTag: Bool) {
    if sign == "-" {
      while at < source.count, Self.isSpace(source[at]) { advance(to: at + 1) }
    } else if sign != "+", isTag, at < source.count, source[at] == "\n" {
      advance(to: at + 1)
    }
    startsLine = at > 0 && source[at - 1] == "\n"
  }

  private mutating func skipComment() throws(TemplateError) {
    let start = line
    while at < source.count {
      if has("#}", at: at) {
        let sign = source[at - 1]
        advance(to: at + 2)
        skipAfterClose(sign, isTag: true)
        return
      }
      advance(to: at + 1)
    }
    throw .syntax(found: "the end of the template", expected: "'#}'", line: start)
  }

  private static let signs = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "(", ")", "[", "]", "{", "}",
    ">", "<", "=", ".", ":", "|", ",",
  ]

  private mutating func scan(
    closing: String, kind: TemplateToken.Kind
  ) throws(TemplateError) {
    /// How many brackets are open: a dictionary's `}}` closes nothing else.
    var depth = 0
    while at < source.count {
      let scalar = source[at]
      if Self.isSpace(scalar) {
        advance(to: at + 1)
        continue
      }
      if depth == 0 {
        let isSigned = scalar == "-" || scalar == "+"
        if has(closing, at: isSigned ? at + 1 : at) {
          add(kind)
          advance(to: at + (isSigned ? 3 : 2))
          skipAfterClose(isSigned ? scalar : " ", isTag: kind == .tagClose)
          return
        }
      }
      if scalar == "'" || scalar == "\"" {
        try scanString(scalar)
      } else if Self.isDigit(scalar) {
        try scanNumber()
      } else if scalar == "_" || scalar.properties.isXIDStart {
        let start = at
        while at < source.count, source[at] == "_" || source[at].properties.isXIDContinue {
          at += 1
        }
        add(.name(text(start..<at)))
      } else if let sign = Self.signs.first(where: { has($0, at: at) }) {
        if "([{".contains(sign) { depth += 1 }
        if ")]}".contains(sign) { depth = max(depth - 1, 0) }
        add(.sign(sign))
        advance(to: at + sign.utf8.count)
      } else {
        throw .syntax(found: "'\(scalar)'", expected: "an expression", line: line)
      }
    }
    throw .syntax(found: "the end of the template", expected: "'\(closing)'", line: line)
  }

  private mutating func scanNumber() throws(TemplateError) {
    let start = at
    var isWhole = true
    while at < source.count {
      let scalar = source[at]
      if Self.isDigit(scalar) || scalar == "_" {
        at += 1
      } else if scalar == ".", isWhole, at + 1 < source.count, Self.isDigit(source[at + 1]) {
        isWhole = false
        at += 1
      } else if scalar == "e" || scalar == "E", at + 1 < source.count,
        Self.isDigit(source[at + 1])
          || (at + 2 < source.count && "+-".unicodeScalars.contains(source[at + 1])
            && Self.isDigit(source[at + 2]))
      {
        isWhole = false
        at += 2
      } else {
        break
      }
    }
    let digits = text(start..<at).filter { $0 != "_" }
    if at < source.count, source[at].properties.isXIDContinue {
      throw .unsupported(construct: "the number \(digits)\(source[at])…", line: line)
    }
    if isWhole, let value = Int(digits) {
      add(.int(value))
    } else if !isWhole, let value = Double(digits) {
      add(.double(value))
    } else {
      throw .unsupported(construct: "the number \(digits.prefix(40))", line: line)
    }
  }

  private mutating func scanString(_ quote: Unicode.Scalar) throws(TemplateError) {
    let start = line
    advance(to: at + 1)
    var view = String.UnicodeScalarView()
    while at < source.count {
      let scalar = source[at]
      advance(to: at + 1)
      if scalar == quote {
        add(.string(String(view)), line: start)
        return
      }
      guard scalar == "\\" else {
        view.append(scalar)
        continue
      }
      guard at < source.count else { break }
      let escape = source[at]
      advance(to: at + 1)
      switch escape {
      case "n": view.append("\n")
      case "t": view.append("\t")
      case "r": view.append("\r")
      case "b": view.append("\u{8}")
      case "f": view.append("\u{c}")
      case "v": view.append("\u{b}")
      case "a": view.append("\u{7}")
      case "\\", "'", "\"": view.append(escape)
      case "\n": break
      case "x": view.append(try scanHex(2))
      case "u": view.append(try scanHex(4))
      case "U": view.append(try scanHex(8))
      case "0"..."7", "N":
        throw .unsupported(construct: "the escape \\\(escape)", line: line)
      default:
        view.append("\\")
        view.append(escape)
      }
    }
    throw .syntax(found: "the end of the template", expected: "\(quote)", line: start)
  }

  private mutating func scanHex(_ count: Int) throws(TemplateError) -> Unicode.Scalar {
    let end = min(at + count, source.count)
    guard end == at + count, let value = UInt32(text(at..<end), radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw .syntax(found: text(at..<end), expected: "\(count) digits", line: line) }
    at = end
    return scalar
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  /// White space as Python's `str.isspace` has it.
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
  }
}
