/// Turns bytes that arrive piece by piece into text, never showing half a character.
public struct TextStream: Sendable {
  /// Bytes of a character that is not complete yet; at most three.
  private var pending: [UInt8] = []
  /// Whether an id of text has come.
  private var hasBegun = false

  public init() {}

  /// Takes more bytes and returns the text that is complete by now.
  public mutating func append(_ bytes: [UInt8]) -> String {
    pending += bytes
    let complete = pending.count - Self.incompleteTail(of: pending)
    defer { pending.removeFirst(complete) }
    return String(decoding: pending[..<complete], as: UTF8.self)
  }

  /// Takes one more id of a text and returns the text that is complete by now.
  public mutating func append(_ id: Int32, of tokenizer: any Tokenizer) -> String {
    let bytes = hasBegun ? tokenizer.bytes(of: id) : tokenizer.bytes(ofFirst: id)
    // Special tokens before a text are no part of it.
    let counts = tokenizer.dropsLeadingSpaces ? bytes : tokenizer.bytes(of: id)
    hasBegun = hasBegun || !counts.isEmpty
    return append(bytes)
  }

  /// Returns what is left when nothing more comes.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many of the last bytes may be the start of a character.
  package static func incompleteTail(of bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte < 0x80 { return 0 }
      if byte >= 0xc0 {
        let needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
        return needed > back ? back : 0
      }
    }
    return 0
  }
}
