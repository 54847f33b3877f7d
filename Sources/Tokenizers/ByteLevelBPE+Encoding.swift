extension ByteLevelBPE {
  public func encode(_ text: String, specials: Bool) -> [Int32] {
    var encoder = BPEEncoder(self)
    var ids: [Int32] = []
    encoder.encode(text, specials: specials, into: &ids)
    return ids
  }

  public func encode(continuing text: String) -> [Int32] {
    continuing.encode(text, specials: false)
  }
}

/// Encodes many texts with one memory of words; as quick as it gets, but not to be shared.
public struct BPEEncoder {
  private let vocabulary: ByteLevelBPE
  private let cache = WordCache()
  private var symbols: [Int32] = []
  private var ranks: [UInt32] = []
  /// Longer words are merged with a heap: the plain search takes the square of their length.
  private static let longest = 48

  public init(_ vocabulary: ByteLevelBPE) { self.vocabulary = vocabulary }

  /// Appends the ids of a text.
  public mutating func encode(_ text: String, specials: Bool = false, into ids: inout [Int32]) {
    var text = text
    text.withUTF8 { encode($0, specials: specials, into: &ids) }
  }

  /// Appends the ids of UTF-8, which must be valid.
  public mutating func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, specials: Bool = false, into ids: inout [Int32]
  ) {
    let pipeline = vocabulary.pipeline
    let isPlain =
      pipeline.isPlain(specials: specials)
      || (pipeline.hasOnlyFormC(specials: specials)
        && NormalFormC.firstDoubtful(in: bytes, from: 0) == nil)
    if isPlain {
      encodePlain(bytes, into: &ids)
      return
    }
    for part in pipeline.parts(bytes, specials: specials) {
      switch part {
      case .id(let id): ids.append(id)
      case .text(let piece): encode(piece, into: &ids)
      }
    }
  }

  private mutating func encode(_ piece: PreTokenizer.Piece, into ids: inout [Int32]) {
    if vocabulary.rule != nil {
      piece.bytes.withUnsafeBufferPointer { encodePlain($0, into: &ids) }
      return
    }
    for word in vocabulary.pipeline.preTokenizer.pieces(of: piece) {
      word.bytes.withUnsafeBufferPointer { bytes in
        guard let start = bytes.baseAddress else { return }
        encodeWord(start, length: bytes.count, available: bytes.count, into: &ids)
      }
    }
  }

  /// Encodes text that holds no added tokens and is normalised.
  private mutating func encodePlain(
    _ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]
  ) {
    guard let rule = vocabulary.rule else {
      encode(PreTokenizer.Piece(bytes: Array(bytes)[...], isFirst: true), into: &ids)
      return
    }
    guard let start = bytes.baseAddress else { return }
    /// Ids are collected here and handed over together.
    let size = 4_096
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: size + 16) { buffer in
      guard let room = buffer.baseAddress else { return }
      var filled = 0
      WordCutter.withCutter(bytes, rule: rule) { cutter in
        while let range = cutter.next() {
          let length = range.upperBound &- range.lowerBound
          if length <= WordCache.longest {
            let key = WordCache.key(
              start + range.lowerBound, length: length,
              available: bytes.count &- range.lowerBound)
            let count = cache.write(key, to: room + filled)
            filled &+= count
            if filled > size {
              ids.append(contentsOf: UnsafeBufferPointer(start: room, count: filled))
              filled = 0
            }
            if count > 0 { continue }
          }
          ids.append(contentsOf: UnsafeBufferPointer(start: room, count: filled))
          filled = 0
          encodeWord(
            start + range.lowerBound, length: length,
            available: bytes.count &- range.lowerBound, into: &ids)
        }
      }
      ids.append(contentsOf: UnsafeBufferPointer(start: room, count: filled))
    }
  }

  /// Encodes one word, and remembers it.
  @inline(never)
  private mutating func encodeWord(
    _ bytes: UnsafePointer<UInt8>, length: Int, available: Int, into ids: inout [Int32]
  ) {
    let word = UnsafeBufferPointer(start: bytes, count: length)
    let start = ids.count
    if vocabulary.ignoresMerges, let id = vocabulary.ids[word] {
      ids.append(id)
    } else if length <= Self.longest {
      mergeShort(word, into: &ids)
    } else {
      mergeLong(word, into: &ids)
    }
    guard length <= WordCache.longest else { return }
    let key = WordCache.key(bytes, length: length, available: available)
    ids.withUnsafeBufferPointer { all in
      cache.insert(key, UnsafeBufferPointer(rebasing: all[start...]))
    }
  }

  /// Joins the pair of lowest rank, the leftmost first, until none is left.
  private mutating func mergeShort(
    _ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]
  ) {
    symbols.removeAll(keepingCapacity: true)
    for byte in word where vocabulary.byteIDs[Int(byte)] >= 0 {
      symbols.append(vocabulary.byteIDs[Int(byte)])
    }
    ranks.removeAll(keepingCapacity: true)
    for at in symbols.indices.dropLast() {
      ranks.append(vocabulary.table.entry(symbols[at], symbols[at + 1]).rank)
    }
    while true {
      var best = MergeTable.noRank
      var place = 0
      for at in ranks.indices where ranks[at] < best { (best, place) = (ranks[at], at) }
      guard best != MergeTable.noRank else { break }
      symbols[place] = vocabulary.table.entry(symbols[place], symbols[place + 1]).id
      symbols.remove(at: place + 1)
      ranks.remove(at: place)
      if place > 0 {
        ranks[place - 1] = vocabulary.table.entry(symbols[place - 1], symbols[place]).rank
      }
      if place < ranks.count {
        ranks[place] = vocabulary.table.entry(symbols[place], symbols[place + 1]).rank
      }
    }
    ids.append(contentsOf: symbols)
  }

  /// The same with a heap, for words of any length.
  private func mergeLong(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
    let symbols = word.map { vocabulary.byteIDs[Int($0)] }.filter { $0 >= 0 }
    ids += SymbolJoiner.joined(symbols) { vocabulary.table.entry($0, $1) }
  }
}
