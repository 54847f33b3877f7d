/// Stores a byte-level BPE vocabulary: pieces of bytes, the merges that make them, and special
/// tokens.
public struct ByteLevelBPE: Tokenizer {
  /// A token that stands for itself and is never made by merging.
  public struct Special: Equatable, Sendable {
    public let id: Int32
    public let content: String
    /// Whether it is kept out of decoded text.
    public let isControl: Bool

    public init(id: Int32, content: String, isControl: Bool = true) {
      self.id = id
      self.content = content
      self.isControl = isControl
    }
  }

  /// The bytes of every id; empty for ids that nothing has.
  public let pieces: [[UInt8]]
  /// The pairs of ids joined, the most important first.
  public let merges: [(left: Int32, right: Int32)]
  public let specials: [Special]
  public let rule: CuttingRule
  public var bosID: Int32?
  public var eosIDs: [Int32]

  let byteIDs: [Int32]
  let table: MergeTable
  private let controls: Set<Int32>

  public var vocabularyCount: Int { pieces.count }

  /// - Parameter pieces: the bytes of every id; must hold each single byte and what each merge
  ///   makes.
  public init(
    pieces: [[UInt8]], merges: [(left: Int32, right: Int32)], specials: [Special],
    rule: CuttingRule = .gpt2, bosID: Int32? = nil, eosIDs: [Int32] = []
  ) throws(VocabularyError) {
    self.pieces = pieces
    self.merges = merges
    // Longer names first: one may begin with another.
    self.specials = specials.sorted {
      ($1.content.utf8.count, $0.id) < ($0.content.utf8.count, $1.id)
    }
    self.rule = rule
    self.bosID = bosID
    self.eosIDs = eosIDs
    controls = Set(specials.filter(\.isControl).map(\.id))
    let reserved = Set(specials.map(\.id))
    var ids: [[UInt8]: Int32] = [:]
    ids.reserveCapacity(pieces.count)
    for (id, piece) in pieces.enumerated() where !piece.isEmpty && !reserved.contains(Int32(id)) {
      ids[piece] = Int32(id)
    }
    byteIDs = try Self.byteIDs(ids)
    var known: [(left: Int32, right: Int32, made: Int32)] = []
    known.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      guard pieces.indices.contains(Int(merge.left)), pieces.indices.contains(Int(merge.right)),
        let made = ids[pieces[Int(merge.left)] + pieces[Int(merge.right)]]
      else { throw .mergeWithoutPiece(rank: rank) }
      known.append((merge.left, merge.right, made))
    }
    table = MergeTable(known)
  }

  private static func byteIDs(_ ids: [[UInt8]: Int32]) throws(VocabularyError) -> [Int32] {
    var result: [Int32] = []
    for byte in UInt8.min...UInt8.max {
      guard let id = ids[[byte]] else { throw .missingByte(byte) }
      result.append(id)
    }
    return result
  }

  public func bytes(of id: Int32) -> [UInt8] {
    guard pieces.indices.contains(Int(id)), !controls.contains(id) else { return [] }
    return pieces[Int(id)]
  }

  public func piece(of id: Int32) -> String {
    guard pieces.indices.contains(Int(id)) else { return "" }
    if let special = specials.first(where: { $0.id == id }) { return special.content }
    return ByteAlphabet.spell(pieces[Int(id)])
  }

  /// The id of a special token by its name.
  public func special(_ content: String) -> Int32? {
    specials.first { $0.content == content }?.id
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
