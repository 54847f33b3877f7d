import Tokenizers

/// Turns tokens into pieces of text: never half a character, and nothing of a stop sequence.
struct TextAssembler {
  private let stops: [[UInt8]]
  /// Bytes that are not told yet: they may be the start of a character or of a stop sequence.
  private var held: [UInt8] = []
  /// The tokens of these bytes, and where in `held` each begins.
  private var tokens: [(token: Piece.Token, start: Int)] = []
  /// SentencePiece writes a space before a text's first word, which is no part of it.
  private var dropsSpace: Bool

  init(stops: [String], dropsSpace: Bool = false) {
    self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
    self.dropsSpace = dropsSpace
  }

  /// Takes one more token.
  /// - Returns: what is certain by now, and whether a stop sequence came.
  mutating func append(_ token: Piece.Token) -> (piece: Piece, isStopped: Bool) {
    var bytes = token.bytes
    if dropsSpace, bytes.first == UInt8(ascii: " ") { bytes.removeFirst() }
    dropsSpace = false
    tokens.append((token, held.count))
    held += bytes
    if let stop = stops.compactMap({ Self.place(of: $0, in: held) }).min() {
      return (take(stop, all: false), true)
    }
    let possible = stops.map { Self.start(of: $0, atEndOf: held) }.max() ?? 0
    return (
      take(held.count - max(possible, TextStream.incompleteTail(of: held)), all: false), false
    )
  }

  /// Returns what is left when nothing more comes.
  mutating func finish() -> Piece { take(held.count, all: true) }

  /// Takes the first bytes, and the tokens that begin in them; with `all`, those of no bytes too.
  private mutating func take(_ count: Int, all: Bool) -> Piece {
    let taken = tokens.prefix { all || $0.start < count || (count == held.count && count > 0) }
    let piece = Piece(
      text: String(decoding: held[..<count], as: UTF8.self), tokens: taken.map(\.token))
    tokens.removeFirst(taken.count)
    for i in tokens.indices { tokens[i].start -= count }
    held.removeFirst(count)
    return piece
  }

  /// Where a text occurs first.
  private static func place(of text: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= text.count else { return nil }
    return (0...bytes.count - text.count).first { bytes[$0..<$0 + text.count] == text[...] }
  }

  /// How many of the last bytes are the first ones of a text.
  private static func start(of text: [UInt8], atEndOf bytes: [UInt8]) -> Int {
    stride(from: min(text.count - 1, bytes.count), to: 0, by: -1).first {
      bytes[(bytes.count - $0)...] == text[..<$0]
    } ?? 0
  }
}
