import Bytes
import Testing

@testable import Tokenizers

/// Joining symbols with a heap against the plain search.
struct SymbolJoinerTests {
  static func plain(_ start: [Int32], _ entry: (Int32, Int32) -> MergeTable.Entry) -> [Int32] {
    var symbols = start
    while true {
      var best: (MergeTable.Entry, Int)?
      for at in symbols.indices.dropLast() {
        let found = entry(symbols[at], symbols[at + 1])
        if found.rank != MergeTable.noRank, found.rank < best?.0.rank ?? MergeTable.noRank {
          best = (found, at)
        }
      }
      guard let best else { return symbols }
      symbols[best.1] = best.0.id
      symbols.remove(at: best.1 + 1)
    }
  }

  @Test(arguments: 0..<50)
  func `both give the same`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var merges: [(left: Int32, right: Int32, made: Int32)] = []
    for made in Int32(4)..<30 {
      merges.append((Int32(random.below(Int(made))), Int32(random.below(Int(made))), made))
    }
    let table = MergeTable(merges)
    let symbols = (0..<200).map { _ in Int32(random.below(4)) }
    #expect(
      SymbolJoiner.joined(symbols) { table.entry($0, $1) }
        == Self.plain(symbols) { table.entry($0, $1) })
  }
}
