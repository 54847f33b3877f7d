/// Stores a byte-level BPE vocabulary: pieces of bytes, the merges that make them, and what surrounds
/// them.
public struct ByteLevelBPE: Tokenizer {
  /// The bytes of every id; empty for ids that nothing has.
  public let pieces: [[UInt8]]
  /// The pairs of ids joined, the most important first.
  public let merges: [(left: Int32, right: Int32)]
  /// The tokens found by name, longer names first.
  public let specials: [AddedToken]
  /// The rule that cuts words; nil where steps of a tokenizer.json do that no rule here stands for.
  public let rule: CuttingRule?
  public var bosID: Int32?
  public var eosIDs: [Int32]

  private(set) var pipeline: TextPipeline
  /// Whether a word that is a piece is taken as it is, whatever the merges would make of it.
  let ignoresMerges: Bool
  /// The ids of single bytes; −1 for those that no piece is: text loses them.
  let byteIDs: [Int32]
  let table: MergeTable
  let ids: PieceTable
  private let names: [Int32: AddedToken]

  public var vocabularyCount: Int { pieces.count }
  public var prefixIDs: [Int32] { pipeline.postProcessor.prefix }
  public var suffixIDs: [Int32] { pipeline.postProcessor.suffix }

  /// - Parameter pieces: the bytes of every id; must hold each single byte and what each merge
  ///   makes.
  public init(
    pieces: [[UInt8]], merges: [(left: Int32, right: Int32)], specials: [AddedToken],
    rule: CuttingRule = .gpt2, bosID: Int32? = nil, eosIDs: [Int32] = []
  ) throws(VocabularyError) {
    try self.init(
      pieces: pieces, merges: merges, pipeline: TextPipeline(rule, added: specials), rule: rule,
      ignoresMerges: rule == .llama3, bosID: bosID, eosIDs: eosIDs)
  }

  init(
    pieces: [[UInt8]], merges: [(left: Int32, right: Int32)], pipeline: TextPipeline,
    rule: CuttingRule?, ignoresMerges: Bool, bosID: Int32? = nil, eosIDs: [Int32] = [],
    ids known: PieceTable? = nil, losesBytes: Bool = false
  ) throws(VocabularyError) {
    self.pieces = pieces
    self.merges = merges
    self.pipeline = pipeline
    // Longer names first: one may begin with another.
    specials = pipeline.added.sorted {
      ($1.content.utf8.count, $0.id) < ($0.content.utf8.count, $1.id)
    }
    self.rule = rule
    self.ignoresMerges = ignoresMerges
    self.bosID = bosID
    self.eosIDs = eosIDs
    names = Dictionary(
      pipeline.added.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let ids = known ?? Self.table(pieces, reserved: Set(pipeline.added.map(\.id)))
    self.ids = ids
    byteIDs = try Self.byteIDs(ids, losesBytes: losesBytes)
    var made: [(left: Int32, right: Int32, made: Int32)] = []
    made.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      guard pieces.indices.contains(Int(merge.left)), pieces.indices.contains(Int(merge.right)),
        let id = ids.joined(merge.left, merge.right)
      else { throw .mergeWithoutPiece(rank: rank) }
      made.append((merge.left, merge.right, id))
    }
    table = MergeTable(made)
  }

  /// Whether a space is put before texts.
  public var putsBefore: Bool { pipeline.putsBefore }

  /// The same for texts that go on from others: without the space that some put before texts.
  public var continuing: ByteLevelBPE {
    guard putsBefore else { return self }
    var copy = self
    copy.pipeline = pipeline.continuing
    return copy
  }

  /// The pieces by their bytes: where an added token's name is also a piece, the piece is found.
  static func table(_ pieces: [[UInt8]], reserved: Set<Int32>) -> PieceTable {
    let (own, other) = (
      pieces.indices.filter { !reserved.contains(Int32($0)) },
      pieces.indices.filter { reserved.contains(Int32($0)) }
    )
    return PieceTable(pieces, order: own + other)
  }

  private static func byteIDs(
    _ ids: PieceTable, losesBytes: Bool
  ) throws(VocabularyError) -> [Int32] {
    var result: [Int32] = []
    for byte in UInt8.min...UInt8.max {
      // Printable ASCII is in every vocabulary for text.
      guard let id = ids[[byte]] ?? (losesBytes && !(0x20..<0x7f).contains(byte) ? -1 : nil)
      else { throw .missingByte(byte) }
      result.append(id)
    }
    return result
  }

  public func bytes(of id: Int32) -> [UInt8] {
    guard pieces.indices.contains(Int(id)), names[id]?.isSpecial != true else { return [] }
    return pieces[Int(id)]
  }

  public func piece(of id: Int32) -> String {
    guard pieces.indices.contains(Int(id)) else { return "" }
    if let special = names[id] { return special.content }
    return ByteAlphabet.spell(pieces[Int(id)])
  }

  /// The id of a special token by its name.
  public func special(_ content: String) -> Int32? {
    specials.first { $0.content.utf8.elementsEqual(content.utf8) }?.id
  }
}

extension TextPipeline {
  /// What usually surrounds a vocabulary of a rule.
  init(_ rule: CuttingRule, added: [AddedToken]) {
    var normalizer = Normalizer()
    if rule == .qwen2 { normalizer.steps = [.form(.c)] }
    self.init(added: added, normalizer: normalizer, decoder: PieceDecoder([.byteLevel]))
  }
}

/// Says why a vocabulary cannot be used.
public enum VocabularyError: Error, Equatable, Sendable {
  /// A byte that no piece holds, so that some text could not be spelled.
  case missingByte(UInt8)
  /// A merge whose parts, or what they make, are not in the vocabulary.
  case mergeWithoutPiece(rank: Int)
  /// Too little text to learn as many pieces as asked for.
  case tooLittleText(pieces: Int, wanted: Int)
}

extension VocabularyError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingByte(let byte):
      "the vocabulary cannot spell every text · no piece for byte \(byte) · "
        + "use a byte-level tokenizer"
    case .mergeWithoutPiece(let rank):
      "the vocabulary is inconsistent · merge \(rank) joins or makes an unknown piece · "
        + "check that merges and vocabulary belong together"
    case .tooLittleText(let pieces, let wanted):
      "too little text · \(pieces) pieces learned of \(wanted) · give more text or ask for fewer"
    }
  }
}
