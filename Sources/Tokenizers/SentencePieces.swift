public import Bytes
public import Formats

/// Stores a SentencePiece vocabulary as llama2.c writes it: pieces with scores, joined best score
/// first.
public struct SentencePieces: Tokenizer {
  private let pieces: [[UInt8]]
  private let scores: [Float]
  /// How many scores are better; equal ones share a rank.
  private let ranks: [UInt32]
  private let ids: [[UInt8]: Int32]
  public let bosID: Int32? = 1
  public let eosIDs: [Int32] = [2]
  /// Ids 3…258 are the single bytes.
  private static let firstByte: Int32 = 3
  private static let format = "llama2.c tokenizer"

  public var vocabularyCount: Int { pieces.count }

  /// Reads a `tokenizer.bin` of llama2.c: longest length, then score, length and bytes of each
  /// piece.
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
    ranks = Self.ranks(scores)
    var ids: [[UInt8]: Int32] = [:]
    // Whole pieces are found by their text; single bytes only as a last resort.
    for id in 259..<pieces.count where ids[pieces[id]] == nil { ids[pieces[id]] = Int32(id) }
    self.ids = ids
  }

  private static func ranks(_ scores: [Float]) -> [UInt32] {
    let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    var ranks = [UInt32](repeating: 0, count: scores.count)
    for (place, id) in order.enumerated() {
      let isEqual = place > 0 && scores[order[place - 1]] == scores[id]
      ranks[id] = isEqual ? ranks[order[place - 1]] : UInt32(place)
    }
    return ranks
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
    return SymbolJoiner.joined(symbols) { left, right in
      let id = ids[pieces[Int(left)] + pieces[Int(right)]]
      return .init(rank: id.map { ranks[Int($0)] } ?? MergeTable.noRank, id: id ?? 0)
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

extension SentencePieces {
  /// The mark that stands for a space in GGUF and SentencePiece files.
  private static let spaceMark = "\u{2581}"

  /// Reads the vocabulary that a GGUF model of the `llama` kind carries.
  public init(gguf file: GGUFFile) throws(FormatError) {
    guard let names = try file.value("tokenizer.ggml.tokens").texts,
      case .floats(let scores) = try file.value("tokenizer.ggml.scores")
    else { throw .missing(format: "GGUF file", field: "tokenizer.ggml.tokens and scores") }
    let types = file.metadata["tokenizer.ggml.token_type"]?.integers ?? []
    // Ours is the layout of llama2.c and Llama itself: three controls, then the bytes.
    guard types.count >= 259, types[3..<259].allSatisfy({ $0 == GGUFTokenType.byte.rawValue })
    else {
      throw .unsupported(
        format: "GGUF file", field: "tokenizer.ggml.token_type", found: "bytes not at ids 3 to 258",
        supported: "the layout of Llama's vocabulary")
    }
    try self.init(pieces: names.map { Array(Self.spaced($0).utf8) }, scores: scores)
  }

  private static func spaced(_ name: String) -> String {
    String(String.UnicodeScalarView(name.unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }))
  }

  /// The metadata by which llama.cpp knows this vocabulary.
  public func ggufMetadata(count: Int) -> [(key: String, value: GGUFValue)] {
    var names: [String] = []
    var types: [Int32] = []
    for id in 0..<max(count, vocabularyCount) {
      let (name, type): (String, GGUFTokenType) =
        switch id {
        case 0: (piece(of: 0), .unknown)
        case 1, 2: (piece(of: Int32(id)), .control)
        case 3..<259:
          (
            "<0x" + (id - 3 < 16 ? "0" : "") + String(id - 3, radix: 16, uppercase: true) + ">",
            .byte
          )
        case ..<vocabularyCount:
          (
            piece(of: Int32(id)).split(separator: " ", omittingEmptySubsequences: false)
              .joined(separator: Self.spaceMark), .normal
          )
        default: ("[PAD\(id)]", .unused)
        }
      names.append(name)
      types.append(type.rawValue)
    }
    let padded = scores + Array(repeating: -1e9, count: names.count - scores.count)
    return [
      ("tokenizer.ggml.model", .string("llama")),
      ("tokenizer.ggml.tokens", .strings(names)),
      ("tokenizer.ggml.scores", .floats(padded)),
      ("tokenizer.ggml.token_type", .int32s(types)),
      ("tokenizer.ggml.bos_token_id", .uint32(1)),
      ("tokenizer.ggml.eos_token_id", .uint32(2)),
      ("tokenizer.ggml.unknown_token_id", .uint32(0)),
      ("tokenizer.ggml.add_bos_token", .bool(true)),
      ("tokenizer.ggml.add_eos_token", .bool(false)),
      ("tokenizer.ggml.add_space_prefix", .bool(true)),
    ]
  }
}
