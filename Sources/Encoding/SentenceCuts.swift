/// Stores where a text in tokens may be cut: ends of sentences first, then spaces.
struct SentenceCuts {
  /// How good a place before a token is for a cut.
  private enum Place: UInt8, Comparable {
    case anywhere, space, sentence

    static func < (a: Place, b: Place) -> Bool { a.rawValue < b.rawValue }
  }

  /// For each token the place before it; one more for the end.
  private var places: [Place] = []
  /// Where each token starts in the text's bytes; one more for the end.
  private var offsets: [Int] = [0]

  init(_ pieces: [[UInt8]]) {
    let bytes = Array(pieces.joined())
    for piece in pieces { offsets.append(offsets[offsets.count - 1] + piece.count) }
    places = offsets.map { Self.place($0, in: bytes) }
  }

  private static func place(_ at: Int, in bytes: [UInt8]) -> Place {
    guard at > 0, at < bytes.count else { return .sentence }
    guard isSpace(bytes[at]) || isSpace(bytes[at - 1]) else { return .anywhere }
    var last = at - 1
    while last >= 0, isSpace(bytes[last]) {
      if bytes[last] == UInt8(ascii: "\n") { return .sentence }
      last -= 1
    }
    // Quotes and brackets may close behind the full stop; curly ones end in these bytes of UTF-8.
    var closings = 0
    while last > 0, closings < 4 {
      let byte = bytes[last]
      if [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: ")"), UInt8(ascii: "]")].contains(
        byte)
      {
        last -= 1
      } else if last >= 2, bytes[last - 2] == 0xe2, bytes[last - 1] == 0x80,
        byte == 0x9d || byte == 0x99
      {
        last -= 3
      } else {
        break
      }
      closings += 1
    }
    guard last >= 0 else { return .space }
    switch bytes[last] {
    case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"): return .sentence
    case 0xa6 where last >= 2 && bytes[last - 2] == 0xe2 && bytes[last - 1] == 0x80:
      return .sentence  // an ellipsis
    default: return .space
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

  /// The last good place for a cut after `from` with at most `most` tokens between.
  func cut(from: Int, most: Int) -> Int {
    let limit = min(from + max(most, 1), places.count - 1)
    for wanted in [Place.sentence, .space] {
      var at = limit
      while at > from {
        if places[at] >= wanted { return at }
        at -= 1
      }
    }
    return limit
  }

  /// The UTF-8 bytes of a range of tokens.
  func byteCount(_ range: Range<Int>) -> Int {
    offsets[range.upperBound] - offsets[range.lowerBound]
  }
}
