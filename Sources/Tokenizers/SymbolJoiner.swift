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
    var heap = Heap<Candidate>()
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

/// Two symbols that could be joined: those of lowest rank first, and of these the leftmost.
private struct Candidate: Ranked {
  let rank: UInt32
  let place: Int
  let left: Int32
  let right: Int32
  let made: Int32

  func comes(before other: Candidate) -> Bool { (rank, place) < (other.rank, other.place) }
}
