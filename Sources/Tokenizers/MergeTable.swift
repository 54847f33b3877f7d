/// Stores for a pair of ids which merge joins it: its rank and the id it makes.
struct MergeTable: Sendable {
  /// A merge: lower ranks come first.
  struct Entry {
    let rank: UInt32
    let id: Int32
  }

  static let noRank = UInt32.max
  private var keys: [UInt64]
  private var ranks: [UInt32]
  private var ids: [Int32]
  private let shift: UInt64
  private static let empty = UInt64.max

  /// - Parameter merges: left id, right id and what they make, in order of rank.
  init(_ merges: [(left: Int32, right: Int32, made: Int32)]) {
    var bits: UInt64 = 4
    while 1 << bits < merges.count * 2 { bits += 1 }
    shift = 64 - bits
    keys = Array(repeating: Self.empty, count: 1 << bits)
    ranks = Array(repeating: Self.noRank, count: 1 << bits)
    ids = Array(repeating: 0, count: 1 << bits)
    for (rank, merge) in merges.enumerated() {
      let key = Self.key(merge.left, merge.right)
      let slot = slot(of: key)
      // The first of two equal merges counts.
      guard keys[slot] == Self.empty else { continue }
      (keys[slot], ranks[slot], ids[slot]) = (key, UInt32(rank), merge.made)
    }
  }

  /// The rank of the merge of two ids, `noRank` if there is none, and what it makes.
  @inline(__always)
  func entry(_ left: Int32, _ right: Int32) -> Entry {
    let slot = slot(of: Self.key(left, right))
    return Entry(rank: ranks[slot], id: ids[slot])
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Where a key lies, or the empty slot where it would.
  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    let mask = keys.count - 1
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> shift)
    while keys[slot] != key, keys[slot] != Self.empty { slot = (slot + 1) & mask }
    return slot
  }
}
