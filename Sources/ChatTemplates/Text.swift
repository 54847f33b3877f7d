/// Works on texts by their characters as written (Python's view), where Swift's own operations
/// would take characters that look the same for the same.
enum Text {
  /// Where a part stands in a text, in scalars; nil where it does not.
  static func place(of part: [Unicode.Scalar], in text: [Unicode.Scalar], from: Int = 0) -> Int? {
    guard text.count >= part.count + from else { return nil }
    if part.isEmpty { return from }
    return (from...text.count - part.count).first { at in
      text[at] == part[0] && text[at..<at + part.count].elementsEqual(part)
    }
  }

  static func contains(_ text: String, _ part: String) -> Bool {
    place(of: Array(part.unicodeScalars), in: Array(text.unicodeScalars)) != nil
  }

  static func starts(_ text: String, with part: String) -> Bool {
    text.utf8.starts(with: part.utf8)
  }

  static func ends(_ text: String, with part: String) -> Bool {
    text.utf8.reversed().starts(with: part.utf8.reversed())
  }

  static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  /// The text without white space, or the given characters, at its ends.
  static func trimmed(
    _ text: String, _ characters: String? = nil, left: Bool = true, right: Bool = true
  ) -> String {
    let scalars = Array(text.unicodeScalars)
    let set = characters.map { Set($0.unicodeScalars) }
    func goes(_ scalar: Unicode.Scalar) -> Bool {
      set.map { $0.contains(scalar) } ?? TemplateLexer.isSpace(scalar)
    }
    var start = 0
    var end = scalars.count
    while left, start < end, goes(scalars[start]) { start += 1 }
    while right, end > start, goes(scalars[end - 1]) { end -= 1 }
    return string(scalars[start..<end])
  }

  /// The parts between separators, `most` cuts being made from the left (all if nil).
  static func split(_ text: String, by separator: String, most: Int? = nil) -> [String] {
    let scalars = Array(text.unicodeScalars)
    let mark = Array(separator.unicodeScalars)
    var parts: [String] = []
    var start = 0
    while most.map({ parts.count < $0 }) ?? true,
      let found = place(of: mark, in: scalars, from: start)
    {
      parts.append(string(scalars[start..<found]))
      start = found + mark.count
    }
    parts.append(string(scalars[start...]))
    return parts
  }

  /// The words between white space.
  static func words(_ text: String) -> [String] {
    text.unicodeScalars.split(whereSeparator: TemplateLexer.isSpace).map { string($0) }
  }

  static func replace(_ text: String, _ old: String, by new: String, most: Int? = nil) -> String {
    if old.isEmpty { return text }
    return split(text, by: old, most: most).joined(separator: new)
  }

  /// All letters small.
  static func lowercased(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    return scalars.indices.map { lowercased(scalars, at: $0) }.joined()
  }

  /// One letter of a text, small; a sigma at the end of a word as one, as Python has it (Unicode's
  /// Final_Sigma).
  private static func lowercased(_ scalars: [Unicode.Scalar], at place: Int) -> String {
    func isLetter(_ beside: some Sequence<Unicode.Scalar>) -> Bool {
      beside.first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
    }
    let endsWord =
      scalars[place] == "Σ" && isLetter(scalars[..<place].reversed())
      && !isLetter(scalars[(place + 1)...])
    return endsWord ? "ς" : scalars[place].properties.lowercaseMapping
  }

  /// Whether Python shows a character as it is in a quoted text.
  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }

  /// The first character in capitals, the rest small.
  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first else { return "" }
    let scalars = Array(text.unicodeScalars)
    return first.properties.titlecaseMapping
      + scalars.indices.dropFirst().map { lowercased(scalars, at: $0) }.joined()
  }

  /// Every word's first character in capitals, the rest small, as Jinja's filter has it: words begin
  /// behind white space, hyphens and opening brackets, not behind an apostrophe.
  static func wordsCapitalized(_ text: String) -> String {
    var result = ""
    var rest = text.unicodeScalars[...]
    func isBetween(_ scalar: Unicode.Scalar) -> Bool {
      TemplateLexer.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
    }
    while let first = rest.popFirst() {
      result += first.properties.uppercaseMapping
      if isBetween(first) { continue }
      let word = rest.prefix { !isBetween($0) }
      result += lowercased(string(word))
      rest = rest[word.endIndex...]
    }
    return result
  }

  /// Every run of letters with its first one in capitals, the rest small, as Python's method has it.
  static func titled(_ text: String) -> String {
    var result = ""
    var isInside = false
    let scalars = Array(text.unicodeScalars)
    for (place, scalar) in scalars.enumerated() {
      let isLetter = scalar.properties.isCased
      result +=
        isLetter && !isInside
        ? scalar.properties.titlecaseMapping : lowercased(scalars, at: place)
      isInside = isLetter
    }
    return result
  }
}
