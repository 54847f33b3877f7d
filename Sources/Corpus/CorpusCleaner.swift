import Bytes

/// Cleans the documents of a corpus one after the other: markup off, copies out, nothing that must
/// not be learned.
///
/// What is judged is the paragraph; a document that loses half its words is left out whole. The rule
/// is the page `Cleaning` of this module's documentation.
public struct CorpusCleaner {
  /// What became of the documents of one file.
  public struct Counts: Sendable, Equatable {
    public var documents = 0
    public var kept = 0
    /// Documents left out whole, by why.
    public var copies = 0
    public var avoided = 0
    public var bare = 0
    public var paragraphs = 0
    /// Paragraphs left out, by why.
    public var copiedParagraphs = 0
    public var avoidedParagraphs = 0
    public var bareParagraphs = 0
    public var bytesRead = 0
    public var bytesKept = 0
  }

  /// Documents with fewer words are left out.
  public static let leastWords = 20
  /// A paragraph is a copy when this share of its runs was seen before.
  public static let copiedShare = 0.8

  public private(set) var counts = Counts()
  /// How often something of each avoided file was met, by the file's number.
  public private(set) var hits: [Int: Int] = [:]
  private let avoided: AvoidedTexts
  /// One run of eight, chosen by its hash, of all that was seen.
  private var seen: Set<UInt64> = []

  public init(avoiding avoided: AvoidedTexts) { self.avoided = avoided }

  /// Starts to count anew; what was seen stays seen.
  public mutating func takeCounts() -> Counts {
    defer { counts = Counts() }
    return counts
  }

  /// Returns the document cleaned, or nil if it is left out.
  public mutating func clean(_ record: Record) -> Record? {
    counts.documents += 1
    counts.bytesRead += record.text.utf8.count + (record.title?.utf8.count ?? 0)
    if let title = record.title, let hit = avoided.match(WordRuns.words(title)) {
      hits[hit, default: 0] += 1
      counts.avoided += 1
      return nil
    }
    var kept: [String] = []
    var (keptWords, copiedWords, avoidedWords) = (0, 0, 0)
    for paragraph in Passages.paragraphs(record.text) {
      counts.paragraphs += 1
      let text = Self.withoutMarks(paragraph)
      let words = WordRuns.words(text)
      guard words.count > 0, Self.hasLetters(text) else {
        counts.bareParagraphs += 1
        continue
      }
      if let hit = avoided.match(words) {
        hits[hit, default: 0] += 1
        counts.avoidedParagraphs += 1
        avoidedWords += words.count
      } else if isCopy(words) {
        counts.copiedParagraphs += 1
        copiedWords += words.count
      } else {
        kept.append(text)
        keptWords += words.count
      }
    }
    if avoidedWords + copiedWords > keptWords {
      if avoidedWords > copiedWords { counts.avoided += 1 } else { counts.copies += 1 }
      return nil
    }
    guard keptWords >= Self.leastWords else {
      counts.bare += 1
      return nil
    }
    var cleaned = record
    cleaned.text = kept.joined(separator: "\n\n")
    counts.kept += 1
    counts.bytesKept += cleaned.text.utf8.count + (cleaned.title?.utf8.count ?? 0)
    return cleaned
  }

  /// Whether most of a paragraph was seen before; it is seen from now on.
  private mutating func isCopy(_ words: [UInt64]) -> Bool {
    var (known, all) = (0, 0)
    WordRuns.forEach(words) { run in
      // The high bits: the low ones of a polynomial of words depend on the last word most.
      guard run >> 61 == 0 else { return }
      all += 1
      if !seen.insert(run).inserted { known += 1 }
    }
    return all > 0 && Double(known) >= Self.copiedShare * Double(all)
  }

  /// A paragraph without Markdown's heading marks and without needless spaces.
  static func withoutMarks(_ paragraph: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(paragraph.utf8.count)
    for line in paragraph.utf8.split(separator: 0x0a) {
      var line = line.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
      let marks = line.prefix { $0 == UInt8(ascii: "#") }
      if !marks.isEmpty, marks.count <= 6, line.dropFirst(marks.count).first == 0x20 {
        line = line.dropFirst(marks.count).drop { $0 == 0x20 }
      }
      if !bytes.isEmpty, bytes.last != 0x0a { bytes.append(0x0a) }
      var isSpace = false
      for byte in line {
        if byte == 0x20 || byte == 0x09 || byte == 0x0d {
          isSpace = true
          continue
        }
        if isSpace { bytes.append(0x20) }
        isSpace = false
        bytes.append(byte)
      }
    }
    while let last = bytes.last, last == 0x0a || last == 0x20 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether there is a letter at all: rules of stars and page numbers have none.
  private static func hasLetters(_ text: String) -> Bool {
    text.utf8.contains { $0 >= 0xc3 || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) }
  }
}
