extension ByteLevelBPE {
  public func encode(_ text: String, specials: Bool) -> [Int32] {
    var encoder = BPEEncoder(self)
    var ids: [Int32] = []
    encoder.encode(text, specials: specials, into: &ids)
    return ids
  }
}

/// Encodes many texts with one memory of words; as quick as it gets, but not to be shared.
public struct BPEEncoder {
  private let vocabulary: ByteLevelBPE
  private var cache = WordCache()
  private var symbols: [Int32] = []
  private var ranks: [UInt32] = []
  /// Longer words are merged with a heap: the plain search takes the square of their length.
  private static let longest = 48

  public init(_ vocabulary: ByteLevelBPE) { self.vocabulary = vocabulary }

  /// Appends the ids of a text.
  public mutating func encode(_ text: String, specials: Bool = false, into ids: inout [Int32]) {
    var text = vocabulary.rule == .qwen2 ? text.normalFormC : text
    text.withUTF8 { encode($0, specials: specials, into: &ids) }
  }

  /// Appends the ids of UTF-8.
  public mutating func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, specials: Bool = false, into ids: inout [Int32]
  ) {
    let found = specials ? vocabulary.specials : vocabulary.specials.filter { !$0.isControl }
    guard !found.isEmpty, !bytes.isEmpty else {
      encodePlain(bytes, into: &ids)
      return
    }
    let names = found.map { (name: Array($0.content.utf8), id: $0.id) }
    let starts = Set(names.compactMap(\.name.first))
    var start = 0
    var at = 0
    scan: while at < bytes.count {
      if starts.contains(bytes[at]) {
        for (name, id) in names
        where at + name.count <= bytes.count && bytes[at..<at + name.count].elementsEqual(name) {
          encodePlain(UnsafeBufferPointer(rebasing: bytes[start..<at]), into: &ids)
          ids.append(id)
          at += name.count
          start = at
          continue scan
        }
      }
      at += 1
    }
    encodePlain(UnsafeBufferPointer(rebasing: bytes[start...]), into: &ids)
  }

  private mutating func encodePlain(
    _ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]
  ) {
    var cutter = WordCutter(bytes, rule: vocabulary.rule)
    while let range = cutter.next() {
      let key = WordCache.key(bytes, range)
      if let key, cache.append(key, to: &ids) { continue }
      let start = ids.count
      if range.count <= Self.longest {
        mergeShort(bytes, range, into: &ids)
      } else {
        mergeLong(bytes, range, into: &ids)
      }
      if let key { cache.insert(key, ids[start...]) }
    }
  }

  /// Joins the pair of lowest rank, the leftmost first, until none is left.
  private mutating func mergeShort(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into ids: inout [Int32]
  ) {
    symbols.removeAll(keepingCapacity: true)
    for byte in bytes[range] { symbols.append(vocabulary.byteIDs[Int(byte)]) }
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
  private func mergeLong(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into ids: inout [Int32]
  ) {
    let symbols = bytes[range].map { vocabulary.byteIDs[Int($0)] }
    ids += SymbolJoiner.joined(symbols) { vocabulary.table.entry($0, $1) }
  }
}
