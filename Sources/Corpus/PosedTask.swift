public import Bytes

/// Makes task examples of plain documents, in the wording in which tasks are asked later.
///
/// A paper's abstract gives a title, a headline, a choice of two titles or a continuation; a passage
/// of a book gives a reply, where two people talk, or a continuation. Some documents stay as they
/// are, so that plain writing is not forgotten. The page `Tasks` of this module's documentation has
/// the shares and the wordings.
public struct PosedTask: Equatable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case title, headline, choice, continuation, reply, plain
  }

  public let kind: Kind
  /// What a model is to read: the question, a line break and the answer; plain text as it is.
  public let text: String

  static let continuing = "Continue the following text: "
  static let replying = "Reply to the following message: "
  static let choosing = "Which title fits the abstract, [1] or [2]? "

  /// The task of a document with a title.
  /// - Parameter other: another document's title, to choose from.
  public init(
    titled record: Record, title: String, other: String?, random: inout SeededRandom
  ) {
    let draw = random.uniform()
    if draw < 0.4 {
      self.init(.title, "LaMP_5", record.text, title)
    } else if draw < 0.6 {
      self.init(.headline, "LaMP_4", Self.opening(of: record.text), title)
    } else if draw < 0.7, let other, other != title {
      let isFirst = random.uniform() < 0.5
      self.init(
        .choice,
        asking: Self.choosing + "[1]: \(isFirst ? title : other) [2]: \(isFirst ? other : title) "
          + "abstract: " + Self.opening(of: record.text), isFirst ? "[1]" : "[2]")
    } else if draw < 0.8, let (start, rest) = Self.halves(of: record.text) {
      self.init(.continuation, asking: Self.continuing + start, rest)
    } else {
      self.init(kind: .plain, text: title + "\n" + record.text)
    }
  }

  /// The tasks of a passage: every reply in it, or one continuation, or the passage as it is.
  public static func tasks(of passage: String, random: inout SeededRandom) -> [PosedTask] {
    let draw = random.uniform()
    if draw < 0.35 {
      let replies = exchanges(in: passage).map {
        PosedTask(.reply, asking: replying + $0.said, $0.answered)
      }
      if !replies.isEmpty { return replies }
    }
    if draw < 0.55, let (start, rest) = halves(of: passage) {
      return [PosedTask(.continuation, asking: continuing + start, rest)]
    }
    return [PosedTask(kind: .plain, text: passage)]
  }

  private init(_ kind: Kind, _ task: String, _ text: String, _ answer: String) {
    let rendering = Rendering(Record(id: "", text: text, title: answer, task: task))
    self.init(kind: kind, text: rendering.prompt + rendering.completion)
  }

  private init(_ kind: Kind, asking question: String, _ answer: String) {
    let rendering = Rendering(Record(id: "", text: "", input: question, output: answer))
    self.init(kind: kind, text: rendering.prompt + rendering.completion)
  }

  private init(kind: Kind, text: String) {
    self.kind = kind
    self.text = text
  }

  /// The first two sentences.
  static func opening(of text: String) -> String {
    let ends = sentenceEnds(of: text)
    guard ends.count > 2 else { return text }
    return String(text[..<ends[1]])
  }

  /// The text up to the sentence end next to its middle, and the rest; nil if it has one sentence.
  ///
  /// Places are counted in UTF-16 and the middle in bytes: the same in English, late in scripts whose
  /// letters take two bytes or three. The embedded base was annealed on what this gives.
  static func halves(of text: String) -> (String, String)? {
    let count = text.utf8.count
    let ends = sentenceEnds(of: text).map { ($0, $0.utf16Offset(in: text)) }
    guard let middle = ends.dropLast().min(by: { abs($0.1 - count / 2) < abs($1.1 - count / 2) })
    else { return nil }
    return (String(text[..<middle.0]), String(text[middle.0...]).trimmed)
  }

  /// The places after each sentence: behind a stop, a question or exclamation mark and a space.
  private static func sentenceEnds(of text: String) -> [String.Index] {
    var ends: [String.Index] = []
    let bytes = text.utf8
    var at = bytes.startIndex
    while let mark = bytes[at...].firstIndex(where: { $0 == 0x2e || $0 == 0x3f || $0 == 0x21 }) {
      at = bytes.index(after: mark)
      if at == bytes.endIndex || bytes[at] == 0x20 || bytes[at] == 0x0a { ends.append(at) }
    }
    if ends.last != bytes.endIndex { ends.append(bytes.endIndex) }
    return ends
  }

  /// Pairs of paragraphs that are nothing but speech: what one says and what the other answers.
  static func exchanges(in passage: String) -> [(said: String, answered: String)] {
    let speeches = Passages.paragraphs(passage).map(speech)
    return zip(speeches, speeches.dropFirst()).compactMap { said, answered in
      guard let said, let answered else { return nil }
      return (said, answered)
    }
  }

  /// What stands between the only quotes of a paragraph, if nothing stands outside of them.
  private static func speech(_ paragraph: String) -> String? {
    let marks = paragraph.filter { "\"“”".contains($0) }
    guard marks.count == 2, let first = paragraph.first, let last = paragraph.last,
      "\"“".contains(first), "\"”".contains(last)
    else { return nil }
    let said = String(paragraph.dropFirst().dropLast()).trimmed
    return said.utf8.count >= 20 ? said : nil
  }
}
