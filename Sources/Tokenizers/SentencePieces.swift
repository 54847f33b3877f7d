public import Bytes
public import Formats

/// Stores a SentencePiece vocabulary as llama2.c writes it: pieces with scores, joined best score first.
public struct SentencePieces: Tokenizer {
  private let pieces: [[UInt8]]
  private let scores: [Float]
  private let ids: [[UInt8]: Int32]
  public let bosID: Int32? = 1
  public let eosIDs: [Int32] = [2]
  /// Ids 3…258 are the single bytes.
  private static let firstByte: Int32 = 3
  private static let format = "llama2.c tokenizer"

  public var vocabularyCount: Int { pieces.count }

  /// Reads a `tokenizer.bin` of llama2.c: longest length, then score, length and bytes of each piece.
  /// - Parameter count: the vocabulary size of the model it belongs to; nil reads to the end.
  public init(llama2C file: MappedFile, count: Int? = nil) throws(FormatError) {
    var reader = ByteReader(file.bytes)
    var pieces: [[UInt8]] = []
    var scores: [Float] = []
    do {
      _ = try reader.read(Int32.self)
      while count.map({ pieces.count < $0 }) ?? (reader.remaining > 0) {
        scores.append(try reader.readFloat())
        pieces.append(Array(try reader.readBytes(Int(try reader.read(Int32.self)))))
      }
    } catch {
      throw .truncated(
        format: Self.format, part: "piece \(pieces.count)", needed: 8, available: reader.remaining)
    }
    try self.init(pieces: pieces, scores: scores)
  }

  /// - Parameter pieces: the bytes of every id: unknown, start, end, 256 bytes, and the rest.
  public init(pieces: [[UInt8]], scores: [Float]) throws(FormatError) {
    guard pieces.count >= 259, pieces.count == scores.count else {
      throw .invalid(
        format: Self.format, field: "pieces", found: "\(pieces.count), fewer than 256 bytes need")
    }
    var spelled = pieces
    for byte in UInt8.min...UInt8.max { spelled[Int(Self.firstByte) + Int(byte)] = [byte] }
    for control in 0..<3 { spelled[control] = [] }
    self.pieces = spelled
    self.scores = scores
    var ids: [[UInt8]: Int32] = [:]
    // Whole pieces are found by their text; single bytes only as a last resort.
    for id in 259..<pieces.count where ids[pieces[id]] == nil { ids[pieces[id]] = Int32(id) }
    self.ids = ids
  }

  public func bytes(of id: Int32) -> [UInt8] {
    pieces.indices.contains(Int(id)) ? pieces[Int(id)] : []
  }

  public func piece(of id: Int32) -> String {
    switch id {
    case 0: "<unk>"
    case 1: "<s>"
    case 2: "</s>"
    default: String(decoding: bytes(of: id), as: UTF8.self)
    }
  }

  /// The ids of a text: a space before it, characters as pieces or bytes, then the best joins.
  public func encode(_ text: String, specials: Bool) -> [Int32] {
    guard !text.isEmpty else { return [] }
    var symbols: [Int32] = []
    for scalar in (" " + text).unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      if let id = ids[bytes] {
        symbols.append(id)
      } else {
        symbols += bytes.map { Self.firstByte + Int32($0) }
      }
    }
    while true {
      var best: (score: Float, place: Int, id: Int32)?
      for at in symbols.indices.dropLast() {
        let joined = pieces[Int(symbols[at])] + pieces[Int(symbols[at + 1])]
        if let id = ids[joined], best.map({ scores[Int(id)] > $0.score }) ?? true {
          best = (scores[Int(id)], at, id)
        }
      }
      guard let best else { return symbols }
      symbols[best.place] = best.id
      symbols.remove(at: best.place + 1)
    }
  }

  /// The text of ids; the space that encoding put before a text goes after the id that starts one.
  public func decode(_ ids: [Int32]) -> String {
    var bytes: [UInt8] = []
    var previous: Int32?
    for id in ids {
      var piece = self.bytes(of: id)
      if previous == bosID, piece.first == 0x20 { piece.removeFirst() }
      bytes += piece
      previous = id
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
