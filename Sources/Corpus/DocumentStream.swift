/// Reads the works of a large corpus one at a time, without holding it all.
///
/// Text (works divided by form feed lines) and JSON Lines (`text` or `abstract`, with an optional
/// `title`), plain or gzip'd. Nothing is split, deduplicated or dropped but empty and broken items.
public enum DocumentStream {
  /// Calls `body` with each work as a record, in order.
  /// - Parameter path: its ending tells the kind; with another ending the content does.
  public static func read(
    _ content: UnsafeRawBufferPointer, path: String, _ body: (Record) throws -> Void
  ) throws {
    var splitter = Splitter(path: path, kind: SourceKind(path: path))
    if Gzip.isCompressed(content.prefix(2)) {
      var gzip = try Gzip(content)
      while let piece = try gzip.next() {
        try piece.withUnsafeBytes { try splitter.take($0, body) }
      }
    } else {
      for start in stride(from: 0, to: content.count, by: 1 << 20) {
        let end = min(start + 1 << 20, content.count)
        try splitter.take(UnsafeRawBufferPointer(rebasing: content[start..<end]), body)
      }
    }
    try splitter.finish(body)
  }

  /// Collects bytes until a work is whole.
  private struct Splitter {
    let path: String
    var kind: SourceKind?
    var pending: [UInt8] = []
    var line: [UInt8] = []
    var number = 0
    let options = ReadingOptions()

    mutating func take(_ piece: UnsafeRawBufferPointer, _ body: (Record) throws -> Void) throws {
      var rest = piece[...]
      while let end = rest.firstIndex(of: 0x0A) {
        line.append(contentsOf: rest[rest.startIndex...end])
        rest = rest[(end + 1)...]
        try endLine(body)
      }
      line.append(contentsOf: rest)
    }

    mutating func finish(_ body: (Record) throws -> Void) throws {
      if !line.isEmpty { try endLine(body) }
      try endWork(body)
    }

    private mutating func endLine(_ body: (Record) throws -> Void) throws {
      defer { line.removeAll(keepingCapacity: true) }
      if kind == nil {
        kind = line.first(where: { $0 != 0x20 }) == UInt8(ascii: "{") ? .jsonl : .text
      }
      if kind == .jsonl {
        number += 1
        var reading = Reading()
        JSONLinesReader.read(
          String(decoding: line, as: UTF8.self), path: path, unlimited, into: &reading)
        for record in reading.records { try body(record) }
      } else if line.contains(0x0C), line.allSatisfy({ $0 == 0x0C || $0 == 0x0A || $0 == 0x0D }) {
        try endWork(body)
      } else {
        pending.append(contentsOf: line)
      }
    }

    private mutating func endWork(_ body: (Record) throws -> Void) throws {
      defer { pending = [] }
      guard !pending.isEmpty, let decoded = TextDecoding.decode(pending).text else { return }
      let text = TextDecoding.normalised(decoded)
      guard !text.isEmpty else { return }
      number += 1
      try body(Record(id: "\(path)@\(number)", source: path, text: text))
    }

    private var unlimited: ReadingOptions {
      var options = options
      options.passageCharacters = .max
      return options
    }
  }
}
