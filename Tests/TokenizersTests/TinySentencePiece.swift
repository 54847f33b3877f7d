import Tokenizers

/// Writes a small SentencePiece model of Llama's kind: three tokens, all bytes, some pieces.
enum TinySentencePiece {
  static let pieces = ["\u{2581}", "a", "b", "c", "\u{2581}a", "\u{2581}ab", "\u{2581}\u{2581}"]
  static let count = 3 + 256 + pieces.count

  /// - Parameter dropsSpaces: whether several spaces become one, and those at the ends none.
  static func bytes(dropsSpaces: Bool = false) -> [UInt8] {
    var names: [(String, UInt8)] = [("<unk>", 2), ("<s>", 3), ("</s>", 3)]
    for byte in UInt8.min...UInt8.max {
      let digits = String(byte, radix: 16, uppercase: true)
      names.append(("<0x" + (byte < 16 ? "0" : "") + digits + ">", 6))
    }
    names += pieces.map { ($0, 1) }
    var bytes: [UInt8] = []
    for (id, (name, kind)) in names.enumerated() {
      let score = Float(-id).bitPattern
      let piece =
        field(1, Array(name.utf8))
        + [0x15] + (0..<4).map { UInt8(truncatingIfNeeded: score >> (8 * $0)) } + [0x18, kind]
      bytes += field(1, piece)
    }
    // BPE, with bytes for characters that no piece is; a space before texts.
    bytes += field(2, [0x18, 2, 0x98, 0x02, 1])
    bytes += field(3, [0x18, 1, 0x20, dropsSpaces ? 1 : 0])
    return bytes
  }

  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(content.count)] + content
  }
}
