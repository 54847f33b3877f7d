import Corpus

/// Stores what is counted in one text.
struct TextMeasures {
  let characters: Int
  let words: [String]
  /// Words per sentence.
  let sentences: [Int]
  let paragraphs: Int
  /// How often each mark of `marks` occurs.
  let markCounts: [Int]
  private let letters: Int
  private let capitals: Int
  private let digits: Int

  /// The marks that are counted, by name, with the characters that stand for them.
  static let marks: [(name: String, characters: Set<Character>)] = [
    ("comma", [","]), ("full stop", ["."]), ("semicolon", [";"]), ("colon", [":"]),
    ("question mark", ["?"]), ("exclamation mark", ["!"]), ("dash", ["—", "–"]), ("hyphen", ["-"]),
    ("quotation mark", ["\"", "“", "”", "«", "»"]), ("apostrophe", ["'", "’"]),
    ("bracket", ["(", ")", "[", "]"]), ("ellipsis", ["…"]), ("backtick", ["`"]),
    ("star or underscore", ["*", "_"]), ("hash", ["#"]), ("slash", ["/"]),
  ]

  private static let placeOfMark: [Character: Int] = {
    var places: [Character: Int] = [:]
    for (at, mark) in marks.enumerated() {
      for character in mark.characters { places[character] = at }
    }
    return places
  }()

  init(_ text: String) {
    words = Words.lowercased(text)
    sentences = Sentences.divide(text).map { Words.lowercased($0).count }.filter { $0 > 0 }
    var marks = [Int](repeating: 0, count: Self.marks.count)
    var (characters, letters, capitals, digits, paragraphs) = (0, 0, 0, 0, 0)
    var lineBreaks = 2
    for character in text {
      characters += 1
      if character.isNewline {
        lineBreaks += 1
        continue
      }
      if !character.isWhitespace {
        if lineBreaks >= 2 { paragraphs += 1 }
        lineBreaks = 0
      }
      if character.isLetter {
        letters += 1
        if character.isUppercase { capitals += 1 }
      } else if let at = Self.placeOfMark[character] {
        marks[at] += 1
      } else if character.isNumber {
        digits += 1
      }
    }
    self.characters = characters
    self.letters = letters
    self.capitals = capitals
    self.digits = digits
    self.paragraphs = paragraphs
    markCounts = marks
  }

  /// The names of the features, with the least deviation that each is taken to have.
  ///
  /// A floor keeps a mark that a user never sets from making every text with one infinitely strange.
  static let features: [(name: String, floor: Double)] =
    [
      ("word length", 0.2), ("sentence words", 2), ("sentence words deviation", 2),
      ("paragraph words", 10), ("capitals per letter", 0.01), ("digits per word", 0.02),
      ("distinct words", 0.05),
    ] + marks.map { ("\($0.name)s per word", 0.01) }

  /// The features of the text, in the order of `features`.
  var values: [Double] {
    let count = Double(max(1, words.count))
    let lengths = sentences.map(Double.init)
    let mean = lengths.reduce(0, +) / Double(max(1, lengths.count))
    let spread = lengths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    // Over the first hundred words: the share of distinct words falls with length.
    let start = words.prefix(100)
    return [
      Double(words.reduce(0) { $0 + $1.count }) / count, mean,
      (spread / Double(max(1, lengths.count))).squareRoot(),
      count / Double(max(1, paragraphs)), Double(capitals) / Double(max(1, letters)),
      Double(digits) / count, Double(Set(start).count) / Double(max(1, start.count)),
    ] + markCounts.map { Double($0) / count }
  }
}
