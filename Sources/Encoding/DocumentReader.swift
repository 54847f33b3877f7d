public import Bytes
import Corpus

/// Reads the documents of a raw corpus one after the other, whatever its size.
///
/// A file may be gzipped. It is JSON Lines (fields `text`, or `title` and `abstract`) if its first byte is `{`, else
/// plain text whose documents are separated by form feeds.
public struct DocumentReader {
  private let file: MappedFile

  public init(_ file: MappedFile) { self.file = file }

  /// Calls `body` with the UTF-8 of each document.
  public func forEach(_ body: ([UInt8]) throws -> Void) throws {
    var splitter = DocumentSplitter()
    if Gzip.isCompressed(file.bytes) {
      var gzip = try Gzip(file.bytes)
      while let piece = try gzip.next() { try splitter.append(piece, body) }
    } else {
      let size = 1 << 20
      for start in stride(from: 0, to: file.count, by: size) {
        try splitter.append(Array(file.bytes[start..<min(start + size, file.count)]), body)
      }
    }
    try splitter.finish(body)
  }
}

/// Cuts a stream of bytes into documents.
private struct DocumentSplitter {
  private var pending: [UInt8] = []
  private var separator: UInt8?
  private static let formFeed: UInt8 = 0x0c
  private static let newline: UInt8 = 0x0a

  mutating func append(_ piece: [UInt8], _ body: ([UInt8]) throws -> Void) throws {
    if separator == nil, let first = piece.first {
      separator = first == UInt8(ascii: "{") ? Self.newline : Self.formFeed
    }
    var start = piece.startIndex
    while let end = piece[start...].firstIndex(of: separator ?? Self.newline) {
      pending += piece[start..<end]
      try give(body)
      start = end + 1
    }
    pending += piece[start...]
  }

  mutating func finish(_ body: ([UInt8]) throws -> Void) throws { try give(body) }

  private mutating func give(_ body: ([UInt8]) throws -> Void) throws {
    defer { pending.removeAll(keepingCapacity: true) }
    let document = separator == Self.newline ? try text(ofLine: pending) : trimmed(pending)
    if !document.isEmpty { try body(document) }
  }

  private func text(ofLine line: [UInt8]) throws -> [UInt8] {
    if trimmed(line).isEmpty { return [] }
    let node = try JSON(parsing: line)
    guard case .object(let members) = node else { return [] }
    func field(_ name: String) -> String? {
      if case .string(let text)? = members[name] { text } else { nil }
    }
    if let text = field("text") { return Array(text.utf8) }
    guard let abstract = field("abstract") else { return [] }
    return Array(((field("title").map { $0 + "\n" } ?? "") + abstract).utf8)
  }

  private func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }
    guard let first = bytes.firstIndex(where: { !isSpace($0) }),
      let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return Array(bytes[first...last])
  }
}
