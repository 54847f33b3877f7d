/// Joins neighbouring symbols, the pair of lowest rank first and the leftmost among equals, until
/// none can be joined.
enum SymbolJoiner {
  /// - Parameter entry: the merge of two symbols; its rank is `MergeTable.noRank` if there is none.
  /// - Complexity: O(n log n).
  static func joined(
    _ start: [Int32], entry: (Int32, Int32) -> MergeTable.Entry
  ) -> [Int32] {
    var symbols = start
    let count = symbols.count
    guard count > 1 else { return symbols }
    // A list of what is left, as places of the first symbols.
    var next = (0..<count).map { $0 + 1 }
    var previous = (0..<count).map { $0 - 1 }
    var heap = MergeHeap()
    func push(_ at: Int) {
      guard at >= 0, next[at] < count else { return }
      let (left, right) = (symbols[at], symbols[next[at]])
      let found = entry(left, right)
      guard found.rank != MergeTable.noRank else { return }
      heap.push(.init(rank: found.rank, place: at, left: left, right: right, made: found.id))
    }
    for at in 0..<count - 1 { push(at) }
    while let best = heap.pop() {
      let at = best.place
      // A candidate whose parts have been joined to others since is void.
      guard symbols[at] == best.left, next[at] < count, symbols[next[at]] == best.right else {
        continue
      }
      let gone = next[at]
      symbols[at] = best.made
      symbols[gone] = -1
      next[at] = next[gone]
      if next[at] < count { previous[next[at]] = at }
      push(previous[at])
      push(at)
    }
    var result: [Int32] = []
    var at = 0
    while at < count {
      result.append(symbols[at])
      at = next[at]
    }
    return result
  }
}

/// Stores pairs that could be joined, the one of lowest rank, then leftmost, on top.
private struct MergeHeap {
  struct Candidate {
    let rank: UInt32
    let place: Int
    let left: Int32
    let right: Int32
    let made: Int32

    func comes(before other: Candidate) -> Bool { (rank, place) < (other.rank, other.place) }
  }

  private var items: [Candidate] = []

  mutating func push(_ item: Candidate) {
    items.append(item)
    var at = items.count - 1
    while at > 0, items[at].comes(before: items[(at - 1) / 2]) {
      items.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  mutating func pop() -> Candidate? {
    guard let top = items.first, let last = items.popLast() else { return nil }
    guard !items.isEmpty else { return top }
    items[0] = last
    var at = 0
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2]
      where child < items.count && items[child].comes(before: items[least]) {
        least = child
      }
      if least == at { return top }
      items.swapAt(at, least)
      at = least
    }
  }
}
