public import Bytes
public import Formats

/// Stores a vocabulary of pieces of characters: SentencePiece's BPE and unigram models, and what
/// Hugging Face made of them.
public struct SentencePieces: Tokenizer {
  /// How characters become pieces.
  enum Model: Sendable {
    /// Pairs are joined in the order of a list.
    case merges(MergeTable)
    /// The pair whose piece has the best score is joined first, the leftmost among equals.
    case scores(ranks: [UInt32])
    /// The pieces are taken whose scores give the greatest sum.
    case unigram(Unigram)
  }

  /// The pieces as files spell them, U+2581 standing for spaces.
  let names: [[UInt8]]
  let kinds: [GGUFTokenType]
  let scores: [Float]
  let model: Model
  let pipeline: TextPipeline
  /// For texts that go on from others.
  let continuing: TextPipeline
  let ids: PieceTable
  let unknownID: Int32?
  /// The ids that stand for bytes of characters no piece has; −1 where there is none.
  let byteIDs: [Int32]
  /// Whether unknown characters side by side are one token.
  let fusesUnknown: Bool
  /// Whether no piece has a space inside, so that words can be joined one by one.
  let cutsAtMarks: Bool
  public let bosID: Int32?
  public let eosIDs: [Int32]
  private let special: Set<Int32>

  /// What stands for a space: U+2581.
  static let mark = Array("\u{2581}".utf8)
  private static let format = "llama2.c tokenizer"

  public var vocabularyCount: Int { names.count }
  public var prefixIDs: [Int32] { pipeline.postProcessor.prefix }
  public var suffixIDs: [Int32] { pipeline.postProcessor.suffix }

  init(
    names: [[UInt8]], kinds: [GGUFTokenType], scores: [Float], model: Model,
    pipeline: TextPipeline, unknownID: Int32?, fallsBack: Bool, fusesUnknown: Bool = true,
    bosID: Int32?, eosIDs: [Int32], ids: PieceTable
  ) {
    self.names = names
    self.kinds = kinds
    self.scores = scores
    self.model = model
    self.pipeline = pipeline
    continuing = pipeline.continuing
    self.ids = ids
    self.unknownID = unknownID
    self.fusesUnknown = fusesUnknown
    self.bosID = bosID
    self.eosIDs = eosIDs
    special = Set(pipeline.added.filter(\.isSpecial).map(\.id))
    var bytes = [Int32](repeating: -1, count: 256)
    if fallsBack {
      for (id, name) in names.enumerated() where kinds[id] != .normal || ids[name] == Int32(id) {
        if let byte = PieceDecoder.fallbackByte(name) { bytes[Int(byte)] = Int32(id) }
      }
    }
    byteIDs = bytes
    cutsAtMarks = zip(names, kinds).allSatisfy { name, kind in
      kind != .normal || !Self.hasMarkInside(name)
    }
  }

  /// Whether a mark stands behind something else.
  private static func hasMarkInside(_ name: [UInt8]) -> Bool {
    var at = 0
    while name[at...].starts(with: mark) { at += mark.count }
    while at + mark.count <= name.count {
      if name[at] == mark[0], name[at...].starts(with: mark) { return true }
      at += 1
    }
    return false
  }

  /// The pieces that text can become: those that are no names of tokens or bytes.
  static func table(_ names: [[UInt8]], _ kinds: [GGUFTokenType]) -> PieceTable {
    PieceTable(names, order: names.indices.filter { kinds[$0] == .normal })
  }

  /// How many scores are better; equal ones share a rank.
  static func ranks(_ scores: [Float]) -> [UInt32] {
    let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    var ranks = [UInt32](repeating: 0, count: scores.count)
    for (place, id) in order.enumerated() {
      let isEqual = place > 0 && scores[order[place - 1]] == scores[id]
      ranks[id] = isEqual ? ranks[order[place - 1]] : UInt32(place)
    }
    return ranks
  }

  // MARK: Decoding

  public var dropsLeadingSpaces: Bool {
    pipeline.decoder.steps.contains {
      if case .strip(_, start: .max, stop: _) = $0 { true } else { false }
    }
  }

  public func bytes(of id: Int32) -> [UInt8] { bytes(of: id, isFirst: false) }

  public func bytes(ofFirst id: Int32) -> [UInt8] { bytes(of: id, isFirst: true) }

  private func bytes(of id: Int32, isFirst: Bool) -> [UInt8] {
    guard names.indices.contains(Int(id)), !special.contains(id) else { return [] }
    return pipeline.decoder.bytes(of: names[Int(id)], isFirst: isFirst)
  }

  /// How the vocabulary spells an id, spaces as such.
  public func piece(of id: Int32) -> String {
    guard names.indices.contains(Int(id)) else { return "" }
    let name = String(decoding: names[Int(id)], as: UTF8.self)
    return String(String.UnicodeScalarView(name.unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }))
  }

  public func decode(_ ids: [Int32]) -> String {
    let tokens = ids.filter { names.indices.contains(Int($0)) && !special.contains($0) }
    let bytes = pipeline.decoder.decode(tokens.map { names[Int($0)] })
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension TextPipeline {
  /// What surrounds Llama's vocabulary: a space before texts, marks for spaces.
  static func llama(added: [AddedToken], postProcessor: PostProcessor) -> TextPipeline {
    TextPipeline(
      added: added,
      normalizer: Normalizer(steps: [
        .prepend(SentencePieces.mark), .replace(.text([0x20]), by: SentencePieces.mark),
      ]),
      decoder: PieceDecoder([
        .replace(.text(SentencePieces.mark), by: [0x20]), .byteFallback, .fuse,
        .strip([0x20], start: 1, stop: 0),
      ]),
      postProcessor: postProcessor)
  }
}

extension SentencePieces {
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
    var names = pieces.map { PreTokenizer.replacing($0, 0x20, by: Self.mark) }
    var kinds = [GGUFTokenType](repeating: .normal, count: names.count)
    for (id, name) in ["<unk>", "<s>", "</s>"].enumerated() { names[id] = Array(name.utf8) }
    for byte in UInt8.min...UInt8.max {
      names[3 + Int(byte)] = Self.name(of: byte)
      kinds[3 + Int(byte)] = .byte
    }
    (kinds[0], kinds[1], kinds[2]) = (.unknown, .control, .control)
    self.init(names: names, kinds: kinds, scores: scores, unknownID: 0, bosID: 1, eosIDs: [2])
  }

  /// A vocabulary of Llama's kind, joined best score first.
  /// - Parameter addsBOS: whether every text begins with what starts one.
  init(
    names: [[UInt8]], kinds: [GGUFTokenType], scores: [Float], unknownID: Int32?, bosID: Int32?,
    eosIDs: [Int32], addsBOS: Bool = true
  ) {
    let added = kinds.indices.compactMap { id -> AddedToken? in
      guard [.unknown, .control, .userDefined].contains(kinds[id]), !names[id].isEmpty else {
        return nil
      }
      return AddedToken(
        id: Int32(id), content: String(decoding: names[id], as: UTF8.self),
        isSpecial: kinds[id] != .userDefined)
    }
    var postProcessor = PostProcessor()
    if let bosID, addsBOS { postProcessor.prefix = [bosID] }
    self.init(
      names: names, kinds: kinds, scores: scores, model: .scores(ranks: Self.ranks(scores)),
      pipeline: .llama(added: added, postProcessor: postProcessor), unknownID: unknownID,
      fallsBack: true, bosID: bosID, eosIDs: eosIDs, ids: Self.table(names, kinds))
  }

  /// How files spell a byte: `<0x0A>`.
  static func name(of byte: UInt8) -> [UInt8] {
    Array(("<0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">").utf8)
  }
}
