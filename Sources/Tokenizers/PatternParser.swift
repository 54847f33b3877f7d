/// Reads an expression in Oniguruma's (Ruby's) syntax.
struct PatternParser {
  private let source: [Unicode.Scalar]
  private var at = 0
  private var foldsCase = false
  private var depth = 0
  private static let deepest = 50
  private static let mostRepeats = 1_000

  init(_ source: String) { self.source = Array(source.unicodeScalars) }

  mutating func parse() throws(PatternError) -> PatternNode {
    let node = try parseChoice()
    guard at == source.count else { throw PatternError(construct: "')' without '('") }
    return node
  }

  private func has(_ text: String) -> Bool {
    var place = at
    for scalar in text.unicodeScalars {
      guard place < source.count, source[place] == scalar else { return false }
      place += 1
    }
    return true
  }

  private mutating func accept(_ text: String) -> Bool {
    guard has(text) else { return false }
    at += text.unicodeScalars.count
    return true
  }

  private func unknown(_ construct: String) -> PatternError { PatternError(construct: construct) }

  private mutating func parseChoice() throws(PatternError) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw unknown("groups nested deeper than \(Self.deepest)") }
    var branches = [try parseSequence()]
    while accept("|") { branches.append(try parseSequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  /// Pairs of letters that one character stands for where case does not matter.
  private static let ligatures: Set<String> = ["ss", "ff", "fi", "fl", "st", "ʼn"]

  private mutating func parseSequence() throws(PatternError) -> PatternNode {
    var parts: [PatternNode] = []
    var previous: Unicode.Scalar?
    while at < source.count, source[at] != "|", source[at] != ")" {
      let start = at
      let part = try parseAtom()
      if foldsCase, case .set(let set) = part, at == start + 1, set.ranges.count == 1 {
        let letter = source[start]
        if let previous, Self.ligatures.contains("\(previous)\(letter)".lowercased()) {
          throw unknown("'\(previous)\(letter)' where case does not matter")
        }
        previous = letter
      } else {
        previous = nil
      }
      parts.append(try parseRepeat(part))
    }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func parseRepeat(_ part: PatternNode) throws(PatternError) -> PatternNode {
    var node = part
    while at < source.count {
      var bounds: (least: Int, most: Int?)?
      let isInterval = source[at] == "{"
      if accept("*") {
        bounds = (0, nil)
      } else if accept("+") {
        bounds = (1, nil)
      } else if accept("?") {
        bounds = (0, 1)
      } else if isInterval {
        bounds = try parseInterval()
      }
      guard let bounds else { return node }
      guard Self.takesSomething(node) || bounds.most != nil else {
        throw unknown("a repetition of what may be empty")
      }
      var mode = PatternNode.Mode.greedy
      if has("?") || has("+") {
        // Behind an interval these mean something else than elsewhere.
        guard !isInterval else { throw unknown("'\(source[at])' behind an interval") }
        mode = accept("?") ? .lazy : .possessive
        if mode == .possessive { at += 1 }
      }
      node = .repeat(node, least: bounds.least, most: bounds.most, mode: mode)
    }
    return node
  }

  /// Whether a part cannot match nothing.
  private static func takesSomething(_ node: PatternNode) -> Bool {
    switch node {
    case .set: true
    case .sequence(let parts): parts.contains(where: takesSomething)
    case .choice(let branches): branches.allSatisfy(takesSomething)
    case .repeat(let part, let least, _, _): least > 0 && takesSomething(part)
    case .atomic(let part): takesSomething(part)
    case .empty, .look, .step: false
    }
  }

  private mutating func parseInterval() throws(PatternError) -> (Int, Int?)? {
    var end = at + 1
    while end < source.count, source[end] != "}" { end += 1 }
    guard end < source.count else { throw unknown("'{' without '}'") }
    let words = String(String.UnicodeScalarView(source[at + 1..<end])).split(
      separator: ",", omittingEmptySubsequences: false)
    let numbers = words.map { Int($0) }
    at = end + 1
    switch (words.count, numbers.first ?? nil, numbers.last ?? nil) {
    case (1, let count?, _) where (0...Self.mostRepeats).contains(count): return (count, count)
    case (2, let least?, nil) where words[1].isEmpty && (0...Self.mostRepeats).contains(least):
      return (least, nil)
    case (2, let least, let most?)
    where (words[0].isEmpty || least != nil)
      && (max(least ?? 0, 0)...Self.mostRepeats).contains(most) && (least ?? 0) >= 0:
      return (least ?? 0, most)
    default: throw unknown("the interval {\(words.joined(separator: ",").prefix(20))}")
    }
  }

  private mutating func parseAtom() throws(PatternError) -> PatternNode {
    let scalar = source[at]
    switch scalar {
    case "(": return try parseGroup()
    case "[":
      at += 1
      return .set(try parseClass())
    case ".":
      at += 1
      var set = CharacterSet()
      set.ranges = [0x0a...0x0a]
      set.isNegated = true
      set.finish()
      return .set(set)
    case "^":
      at += 1
      return .step(.lineStart)
    case "$":
      at += 1
      return .step(.lineEnd)
    case "\\": return try parseEscape()
    case "*", "+", "?", "{": throw unknown("'\(scalar)' with nothing to repeat")
    default:
      at += 1
      return .set(CharacterSet(scalar, foldsCase: foldsCase))
    }
  }

  private mutating func parseGroup() throws(PatternError) -> PatternNode {
    let folded = foldsCase
    defer { foldsCase = folded }
    var kind: (PatternNode) -> PatternNode = { $0 }
    if accept("(?:") {
    } else if accept("(?i:") {
      foldsCase = true
    } else if accept("(?-i:") {
      foldsCase = false
    } else if accept("(?=") {
      kind = { .look($0, isAhead: true, isNegated: false) }
    } else if accept("(?!") {
      kind = { .look($0, isAhead: true, isNegated: true) }
    } else if accept("(?<=") {
      kind = { .look($0, isAhead: false, isNegated: false) }
    } else if accept("(?<!") {
      kind = { .look($0, isAhead: false, isNegated: true) }
    } else if accept("(?>") {
      kind = { .atomic($0) }
    } else if accept("(?i)") {
      // To the end of the group around: the rest of that is read here.
      foldsCase = true
      return try parseChoice()
    } else if has("(?") || has("(*") {
      throw unknown(
        "the group \(String(String.UnicodeScalarView(source[at..<min(at + 4, source.count)])))…")
    } else {
      at += 1
    }
    let node = try parseChoice()
    guard accept(")") else { throw unknown("'(' without ')'") }
    return kind(node)
  }

  /// Reads what stands behind a backslash.
  private mutating func parseEscape() throws(PatternError) -> PatternNode {
    guard at + 1 < source.count else { throw unknown("'\\' at the end") }
    switch source[at + 1] {
    case "A":
      at += 2
      return .step(.textStart)
    case "z":
      at += 2
      return .step(.textEnd)
    case "b", "B":
      at += 2
      return .step(.wordBoundary(isNegated: source[at - 1] == "B"))
    default: break
    }
    switch try parseEscapedSet() {
    case .scalar(let scalar): return .set(CharacterSet(scalar, foldsCase: foldsCase))
    case .part(let part):
      var set = CharacterSet()
      set.parts = [part]
      set.finish()
      return .set(set)
    }
  }

  private enum Escaped {
    case scalar(Unicode.Scalar)
    case part(CharacterSet.Part)
  }

  private mutating func parseEscapedSet() throws(PatternError) -> Escaped {
    guard at + 1 < source.count else { throw unknown("'\\' at the end") }
    let letter = source[at + 1]
    at += 2
    func part(_ kind: CharacterSet.Kind, _ isNegated: Bool) -> Escaped {
      .part(CharacterSet.Part(kind: kind, isNegated: isNegated))
    }
    switch letter {
    case "s", "S": return part(.space, letter == "S")
    case "d", "D": return part(.digit, letter == "D")
    case "w", "W": return part(.word, letter == "W")
    case "p", "P":
      var end = at
      while end < source.count, source[end] != "}" { end += 1 }
      guard at < source.count, source[at] == "{", end < source.count else {
        throw unknown("\\\(letter) without braces")
      }
      var name = String(String.UnicodeScalarView(source[at + 1..<end]))
      at = end + 1
      var isNegated = letter == "P"
      if name.hasPrefix("^") {
        isNegated.toggle()
        name.removeFirst()
      }
      guard CharacterSet.categories.contains(name) else {
        throw unknown("\\\(letter){\(name.prefix(40))}")
      }
      return part(.category(name), isNegated)
    case "n": return .scalar("\n")
    case "r": return .scalar("\r")
    case "t": return .scalar("\t")
    case "f": return .scalar("\u{c}")
    case "v": return .scalar("\u{b}")
    case "a": return .scalar("\u{7}")
    case "e": return .scalar("\u{1b}")
    case "u": return .scalar(try parseHex(4, closing: nil))
    case "x":
      if accept("{") { return .scalar(try parseHex(8, closing: "}")) }
      let scalar = try parseHex(2, closing: nil)
      guard scalar.value < 0x80 else { throw unknown("\\x of a byte beyond ASCII") }
      return .scalar(scalar)
    default:
      guard letter.value < 0x80, !letter.properties.isAlphabetic,
        !(0x30...0x39).contains(letter.value)
      else { throw unknown("\\\(letter)") }
      return .scalar(letter)
    }
  }

  private mutating func parseHex(
    _ most: Int, closing: Unicode.Scalar?
  ) throws(PatternError) -> Unicode.Scalar {
    var value: UInt32 = 0
    var count = 0
    while at < source.count, count < most, let digit = Character(source[at]).hexDigitValue,
      source[at].isASCII
    {
      value = value << 4 | UInt32(digit)
      at += 1
      count += 1
    }
    if let closing {
      guard at < source.count, source[at] == closing, count > 0 else {
        throw unknown("\\x{ without digits and '}'")
      }
      at += 1
    } else if count < most {
      throw unknown("\\u or \\x with less than \(most) digits")
    }
    guard let scalar = Unicode.Scalar(value) else { throw unknown("a number that is no character") }
    return scalar
  }

  /// Reads a class behind its `[`.
  private mutating func parseClass() throws(PatternError) -> CharacterSet {
    var set = CharacterSet()
    set.foldsCase = foldsCase
    set.isNegated = accept("^")
    var isFirst = true
    while at < source.count {
      let scalar = source[at]
      if scalar == "]" {
        guard !isFirst else { throw unknown("']' first in a class") }
        at += 1
        set.finish()
        return set
      }
      isFirst = false
      if scalar == "[" || has("&&") { throw unknown("'\(scalar)' inside a class") }
      var lower = scalar
      if scalar == "\\" {
        switch try parseEscapedSet() {
        case .scalar(let escaped): lower = escaped
        case .part(let part):
          set.parts.append(part)
          if has("-"), at + 1 < source.count, source[at + 1] != "]" {
            throw unknown("a range that begins with a kind")
          }
          continue
        }
      } else {
        at += 1
      }
      guard has("-"), at + 1 < source.count, source[at + 1] != "]" else {
        set.ranges.append(lower.value...lower.value)
        continue
      }
      at += 1
      var upper = source[at]
      if upper == "\\" {
        guard case .scalar(let escaped) = try parseEscapedSet() else {
          throw unknown("a range that ends with a kind")
        }
        upper = escaped
      } else {
        guard upper != "[" else { throw unknown("'[' inside a class") }
        at += 1
      }
      guard lower <= upper else { throw unknown("the range \(lower)-\(upper)") }
      set.ranges.append(lower.value...upper.value)
    }
    throw unknown("'[' without ']'")
  }
}
