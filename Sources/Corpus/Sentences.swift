/// Divides a text into sentences, by punctuation and line ends.
public enum Sentences {
  /// The sentences of a text; put one after the other they are the text again.
  ///
  /// A sentence ends after `.`, `!`, `?` or `…`, closing quotes and brackets included, where white
  /// space follows; but not after a full stop of an abbreviation or initial, nor where the next word
  /// starts small. It ends at an empty line, and at any line end before what does not start small:
  /// lines of a list are apart, lines that were broken to fit a width are not. The white space
  /// belongs to the sentence before it.
  public static func divide(_ text: String) -> [Substring] {
    var sentences: [Substring] = []
    var start = text.startIndex
    var word = text.startIndex
    var mark: Character?
    var markedWord = text[text.startIndex..<text.startIndex]
    var lineBreaks = 0
    var isSpace = false
    var at = text.startIndex
    while at < text.endIndex {
      let character = text[at]
      if character.isWhitespace {
        if character.isNewline { lineBreaks += 1 }
        isSpace = true
      } else {
        if isSpace {
          if start < at,
            ends(after: mark, markedWord, lineBreaks: lineBreaks, before: character)
          {
            sentences.append(text[start..<at])
            start = at
          }
          mark = nil
          lineBreaks = 0
          isSpace = false
          word = at
        }
        if marks.contains(character) {
          mark = character
          markedWord = text[word..<at]
        } else if !closers.contains(character) {
          mark = nil
        }
      }
      at = text.index(after: at)
    }
    if start < text.endIndex { sentences.append(text[start...]) }
    return sentences
  }

  private static func ends(
    after mark: Character?, _ word: Substring, lineBreaks: Int, before next: Character
  ) -> Bool {
    if lineBreaks > 1 { return true }
    let startsSmall = next.isLowercase
    // A line that was broken behind an initial goes on.
    if lineBreaks == 1, !startsSmall, mark != "." { return true }
    guard let mark, !startsSmall else { return false }
    return mark != "." || !isAbbreviation(word)
  }

  /// Whether a full stop after a word belongs to the word.
  private static func isAbbreviation(_ word: Substring) -> Bool {
    let bare = word.drop(while: { !$0.isLetter })
    if bare.count == 1, bare.first?.isUppercase == true, bare != "I" { return true }
    return abbreviations.contains(bare.lowercased())
  }

  private static let marks: Set<Character> = [".", "!", "?", "…", "。", "！", "？"]
  private static let closers: Set<Character> = [
    "\"", "'", "\u{2019}", "\u{201D}", "»", ")", "]", "*", "_",
  ]
  private static let abbreviations: Set<String> = [
    "mr", "mrs", "ms", "dr", "st", "prof", "rev", "hon", "capt", "col", "gen", "lt", "sgt",
    "messrs",
    "mme", "mlle", "vs", "etc", "e.g", "i.e", "cf", "vol", "fig", "p", "pp", "ch", "jr", "sr",
    "esq",
  ]
}
