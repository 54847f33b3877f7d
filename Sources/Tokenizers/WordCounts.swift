/// Counts the distinct words of a text.
public struct WordCounts {
  /// All words one after the other.
  private var arena: [UInt8] = []
  private var starts: [Int] = [0]
  private var counts: [Int] = []
  /// Open addressing: index of a word plus one, 0 where free.
  private var slots: [UInt32] = Array(repeating: 0, count: 1 << 12)
  private var hashes: [UInt32] = []

  public init() {}

  /// The number of distinct words.
  public var count: Int { counts.count }

  /// The bytes of a word, words being numbered in the order they were first seen.
  public func word(_ index: Int) -> ArraySlice<UInt8> { arena[starts[index]..<starts[index + 1]] }

  /// How often a word was seen.
  public func count(of index: Int) -> Int { counts[index] }

  /// Counts the words of UTF-8 as the rule cuts them.
  public mutating func add(_ bytes: UnsafeBufferPointer<UInt8>, rule: CuttingRule) {
    WordCutter.withCutter(bytes, rule: rule) { cutter in
      while let range = cutter.next() { add(UnsafeBufferPointer(rebasing: bytes[range])) }
    }
  }

  /// Counts one word.
  public mutating func add(_ word: UnsafeBufferPointer<UInt8>) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in word { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let short = UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    let mask = slots.count - 1
    var slot = Int(short) & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if hashes[index] == short, self.word(index).elementsEqual(word) {
        counts[index] += 1
        return
      }
      slot = (slot + 1) & mask
    }
    arena.append(contentsOf: word)
    starts.append(arena.count)
    counts.append(1)
    hashes.append(short)
    slots[slot] = UInt32(counts.count)
    if counts.count * 2 > slots.count { grow() }
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 4)
    let mask = slots.count - 1
    for (index, hash) in hashes.enumerated() {
      var slot = Int(hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(index + 1)
    }
  }
}
