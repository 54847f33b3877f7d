import Bytes
import Formats

/// Recognises texts that must not be learned from: those of users, tasks and tests.
///
/// Only hashes are kept. A text of fewer words than a run counts as a whole, if it has five or more.
public struct AvoidedTexts: Sendable {
  /// Fewer words than this say nothing: "Yes, sir" is in every book.
  public static let leastWords = 5

  /// The names of what was added, by number.
  public private(set) var names: [String] = []
  private var runs: [UInt64: UInt16] = [:]
  private var wholes: [UInt64: UInt16] = [:]

  public init() {}

  /// The number of different runs.
  public var runCount: Int { runs.count }
  /// The number of different texts.
  public var textCount: Int { wholes.count }

  /// Adds every text of a file: all strings of JSON and JSON Lines, else all paragraphs.
  /// - Parameter name: what the file is called where something of it is found. Without an ending, its
  ///   content says what it is.
  public mutating func add(_ content: [UInt8], name: String) throws {
    let number = UInt16(clamping: names.count)
    names.append(name)
    let bytes =
      Gzip.isCompressed(content) ? try Gzip.inflated(content, limit: 1 << 32) : content
    var kind = name.lowercased()
    if kind.hasSuffix(".gz") { kind.removeLast(3) }
    if !(kind.split(separator: "/").last ?? "").contains(".") { kind += Self.ending(of: bytes) }
    if kind.hasSuffix(".jsonl") {
      for line in bytes.split(separator: 0x0a) {
        if let node = try? JSONNode(parsing: line) { addStrings(of: node, number) }
      }
    } else if kind.hasSuffix(".json") {
      addStrings(of: try JSONNode(parsing: bytes, format: name), number)
    } else {
      for paragraph in Passages.paragraphs(String(decoding: bytes, as: UTF8.self)) {
        add(paragraph, number)
      }
    }
  }

  /// The ending that a file with this content would have.
  private static func ending(of bytes: [UInt8]) -> String {
    guard let first = bytes.first(where: { !" \t\r\n".utf8.contains($0) }),
      first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    else { return "" }
    if (try? JSONNode(parsing: bytes)) != nil { return ".json" }
    // A line in brackets makes no JSON Lines of a text: most lines must be JSON.
    let lines = bytes.split(separator: 0x0a).filter { !$0.allSatisfy { $0 <= 0x20 } }
    let parsed = lines.count { (try? JSONNode(parsing: $0)) != nil }
    return parsed * 2 > lines.count ? ".jsonl" : ""
  }

  private mutating func addStrings(of node: JSONNode, _ number: UInt16) {
    if let text = node.text { add(text, number) }
    for element in node.elements ?? [] { addStrings(of: element, number) }
    for member in node.members ?? [] { addStrings(of: member.value, number) }
  }

  private mutating func add(_ text: String, _ number: UInt16) {
    let words = WordRuns.words(text)
    guard words.count >= Self.leastWords else { return }
    wholes[WordRuns.whole(words)] = number
    WordRuns.forEach(words) { runs[$0] = number }
  }

  /// The number of a name whose text these words share a run with or equal as a whole; nil if none.
  public func match(_ words: [UInt64]) -> Int? {
    guard words.count >= Self.leastWords else { return nil }
    if let number = wholes[WordRuns.whole(words)] { return Int(number) }
    var found: UInt16?
    WordRuns.forEach(words) { if found == nil { found = runs[$0] } }
    return found.map(Int.init)
  }
}
