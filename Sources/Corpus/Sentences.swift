/// Divides a text into sentences, by punctuation and line ends.
public enum Sentences {
  /// The sentences of a text; put one after the other they are the text again.
  ///
  /// A sentence ends after `.`, `!`, `?` or `…`, closing quotes and brackets included, where white
  /// space follows, and at line ends. The white space belongs to the sentence before it.
  public static func divide(_ text: String) -> [Substring] {
    var sentences: [Substring] = []
    var start = text.startIndex
    var at = text.startIndex
    var mayEnd = false
    var isSpace = false
    while at < text.endIndex {
      let character = text[at]
      let next = text.index(after: at)
      if character.isWhitespace {
        if character.isNewline { mayEnd = true }
        isSpace = true
      } else {
        if isSpace, mayEnd, start < at {
          sentences.append(text[start..<at])
          start = at
          mayEnd = false
        }
        if isSpace { mayEnd = false }
        isSpace = false
        if ends.contains(character) {
          mayEnd = true
        } else if !closers.contains(character) {
          mayEnd = false
        }
      }
      at = next
    }
    if start < text.endIndex { sentences.append(text[start...]) }
    return sentences
  }

  private static let ends: Set<Character> = [".", "!", "?", "…", "。", "！", "？"]
  private static let closers: Set<Character> = ["\"", "'", "”", "’", "»", ")", "]", "*", "_"]
}
