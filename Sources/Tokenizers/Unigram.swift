/// Cuts text into the pieces whose scores have the greatest sum (Kudo 2018), by Viterbi's algorithm.
struct Unigram: Sendable {
  struct Piece {
    var range: Range<Int>
    let id: Int32
  }

  private let trie: ByteTrie
  private let scores: [Double]
  private let unknownID: Int32?
  /// A character that no piece has costs this much more than the worst piece.
  private static let penalty = 10.0
  private let unknownScore: Double

  init(_ pieces: [[UInt8]], scores: [Double], unknownID: Int32?) {
    trie = ByteTrie(pieces)
    self.scores = scores
    self.unknownID = unknownID
    unknownScore = (scores.min() ?? 0) - Self.penalty
  }

  /// The best pieces, unknown ones side by side as one; without an unknown token characters that
  /// no piece has are left out.
  func pieces(of bytes: ArraySlice<UInt8>) -> [Piece] {
    let count = bytes.count
    let base = bytes.startIndex
    var best = [Double](repeating: -.infinity, count: count + 1)
    var from = [Int32](repeating: -1, count: count + 1)
    var ids = [Int32](repeating: -1, count: count + 1)
    best[0] = 0
    bytes.withUnsafeBufferPointer { bytes in
      let view = ScalarView(bytes: bytes)
      var at = 0
      while at < count {
        let here = best[at]
        let length = view.scalar(at: at).length
        var hasSingle = false
        func reach(_ end: Int, _ score: Double, _ id: Int32) {
          guard from[end] < 0 || score > best[end] else { return }
          (best[end], from[end], ids[end]) = (score, Int32(at), id)
        }
        trie.forEachPrefix(bytes, from: at) { end, id in
          reach(end, here + scores[Int(id)], id)
          if end == at + length { hasSingle = true }
        }
        if !hasSingle { reach(at + length, here + unknownScore, unknownID ?? -1) }
        at += length
      }
    }
    var result: [Piece] = []
    var end = count
    while end > 0 {
      let start = Int(from[end])
      let piece = Piece(range: base + start..<base + end, id: ids[end])
      if let last = result.last, piece.id == unknownID, last.id == unknownID {
        result[result.count - 1].range = piece.range.lowerBound..<last.range.upperBound
      } else if piece.id >= 0 {
        result.append(piece)
      }
      end = start
    }
    return result.reversed()
  }
}

/// Stores byte strings so that all beginnings of a text among them are found in one walk.
struct ByteTrie: Sendable {
  /// Open addressing: a node's number and a byte, and the node it leads to.
  private var keys: [UInt64]
  private var children: [UInt32]
  private var ids: [Int32] = [-1]
  private var count = 0
  private static let empty = UInt64.max

  /// - Parameter strings: the last of equal ones is found.
  init(_ strings: [[UInt8]]) {
    keys = Array(repeating: Self.empty, count: 1 << 10)
    children = Array(repeating: 0, count: 1 << 10)
    for (id, string) in strings.enumerated() where !string.isEmpty {
      var node: UInt32 = 0
      for byte in string {
        let slot = slot(node, byte)
        if keys[slot] == Self.empty {
          keys[slot] = Self.key(node, byte)
          children[slot] = UInt32(ids.count)
          node = UInt32(ids.count)
          ids.append(-1)
          count += 1
          if count * 2 > keys.count { grow() }
        } else {
          node = children[slot]
        }
      }
      ids[Int(node)] = Int32(id)
    }
  }

  private static func key(_ node: UInt32, _ byte: UInt8) -> UInt64 {
    UInt64(node) << 8 | UInt64(byte)
  }

  private func slot(_ node: UInt32, _ byte: UInt8) -> Int {
    let key = Self.key(node, byte)
    let mask = keys.count - 1
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 24) & mask
    while keys[slot] != key, keys[slot] != Self.empty { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let old = (keys, children)
    keys = Array(repeating: Self.empty, count: old.0.count * 2)
    children = Array(repeating: 0, count: old.0.count * 2)
    for (index, key) in old.0.enumerated() where key != Self.empty {
      let slot = slot(UInt32(key >> 8), UInt8(truncatingIfNeeded: key))
      (keys[slot], children[slot]) = (key, old.1[index])
    }
  }

  /// Calls with the end and id of each string that the bytes from `from` on begin with, shortest
  /// first.
  func forEachPrefix(
    _ bytes: UnsafeBufferPointer<UInt8>, from: Int, _ body: (Int, Int32) -> Void
  ) {
    var node: UInt32 = 0
    var at = from
    while at < bytes.count {
      let slot = slot(node, bytes[at])
      guard keys[slot] != Self.empty else { return }
      node = children[slot]
      at += 1
      if ids[Int(node)] >= 0 { body(at, ids[Int(node)]) }
    }
  }
}
