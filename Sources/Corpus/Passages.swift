/// Cuts a long text into passages, at paragraph ends where it can.
public enum Passages {
  /// Cuts a text into passages of at most `limit` characters.
  ///
  /// A passage ends at the last paragraph end within the limit, else at a line end, else at a
  /// sentence end, else at a word end, else at the limit. Empty lines between passages are dropped.
  public static func cut(_ text: String, limit: Int) -> [String] {
    guard text.utf8.count > limit, text.count > limit else { return text.isEmpty ? [] : [text] }
    var passages: [String] = []
    var current = ""
    var length = 0
    for paragraph in paragraphs(text) {
      let size = paragraph.count
      if length > 0, length + size + 2 > limit {
        passages.append(current)
        current = ""
        length = 0
      }
      if size <= limit {
        current += length == 0 ? paragraph : "\n\n" + paragraph
        length += size + (length == 0 ? 0 : 2)
        continue
      }
      passages += pieces(of: paragraph, limit: limit)
    }
    if length > 0 { passages.append(current) }
    return passages
  }

  /// The paragraphs of a text: what stands between empty lines.
  static func paragraphs(_ text: String) -> [String] {
    var result: [String] = []
    var lines: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.allSatisfy(\.isWhitespace) {
        if !lines.isEmpty { result.append(lines.joined(separator: "\n")) }
        lines = []
      } else {
        lines.append(line)
      }
    }
    if !lines.isEmpty { result.append(lines.joined(separator: "\n")) }
    return result
  }

  private static func pieces(of paragraph: String, limit: Int) -> [String] {
    var result: [String] = []
    var rest = Array(paragraph)[...]
    while rest.count > limit {
      let window = rest.prefix(limit)
      // Not before the middle: a passage of three words helps nobody.
      let late = window.suffix(window.count - limit / 2)
      let end =
        late.lastIndex(of: "\n") ?? sentenceEnd(in: late)
        ?? late.lastIndex(where: \.isWhitespace) ?? window.index(before: window.endIndex)
      let piece = String(rest[rest.startIndex...end]).trimmed
      if !piece.isEmpty { result.append(piece) }
      rest = rest[(end + 1)...]
    }
    let last = String(rest).trimmed
    if !last.isEmpty { result.append(last) }
    return result
  }

  private static func sentenceEnd(in window: ArraySlice<Character>) -> Int? {
    for at in window.indices.reversed().dropFirst()
    where window[at + 1].isWhitespace && ".!?…".contains(window[at]) { return at }
    return nil
  }
}
