/// Learns a byte-level BPE vocabulary: again and again joins the pair of pieces seen most often.
///
/// Among pairs seen equally often the one of lower ids is joined, so that the same words give the
/// same vocabulary (and the same as Hugging Face's trainer gives).
public struct VocabularyTrainer {
  /// The words as ids, one after the other; a word shrinks in place as its pieces are joined.
  private var symbols: [Int32] = []
  private var starts: [Int] = []
  private var lengths: [Int] = []
  private var weights: [Int] = []
  private var pieces: [[UInt8]]
  private var merges: [(left: Int32, right: Int32)] = []
  private var pairs: [Pair: Occurrences] = [:]
  private var heap = Heap<CountedPair>()
  private var known: [[UInt8]: Int32] = [:]
  private var joined: Set<Pair> = []
  private let special: String

  private struct Pair: Hashable {
    let left: Int32
    let right: Int32
  }

  private struct Occurrences {
    var count = 0
    /// The words it was seen in, some perhaps twice or no more.
    var words: [Int32] = []

    mutating func add(_ word: Int32, _ change: Int) {
      count += change
      if words.last != word { words.append(word) }
    }
  }

  /// - Parameter special: the name of the one special token, which gets id 0; the bytes follow it.
  public init(_ words: WordCounts, special: String = "<|endoftext|>") {
    self.special = special
    pieces = [Array(special.utf8)] + ByteAlphabet.order.map { [$0] }
    var ids = [Int32](repeating: 0, count: 256)
    for (place, byte) in ByteAlphabet.order.enumerated() {
      ids[Int(byte)] = Int32(place + 1)
      known[[byte]] = Int32(place + 1)
    }
    for word in 0..<words.count {
      starts.append(symbols.count)
      for byte in words.word(word) { symbols.append(ids[Int(byte)]) }
      lengths.append(symbols.count - starts[word])
      weights.append(words.count(of: word))
    }
    for word in starts.indices {
      for at in starts[word]..<starts[word] + max(lengths[word] - 1, 0) {
        note(
          Pair(left: symbols[at], right: symbols[at + 1]), word: Int32(word), change: weights[word])
      }
    }
    for (pair, found) in pairs { push(pair, found.count) }
  }

  /// Learns until there are `size` pieces, or no pair is seen at least `leastCount` times.
  public mutating func train(size: Int, leastCount: Int = 2) throws(VocabularyError) -> ByteLevelBPE
  {
    while pieces.count < size, let top = heap.pop() {
      let pair = Pair(left: top.left, right: top.right)
      let current = pairs[pair]?.count ?? 0
      guard current == top.count else {
        if current > 0 { push(pair, current) }
        continue
      }
      guard current >= leastCount else { break }
      join(pair)
    }
    return try ByteLevelBPE(
      pieces: pieces, merges: merges, specials: [.init(id: 0, content: special)], bosID: 0,
      eosIDs: [0])
  }

  private mutating func join(_ pair: Pair) {
    guard let found = pairs.removeValue(forKey: pair) else { return }
    // Two ways to make the same piece share its id.
    let piece = pieces[Int(pair.left)] + pieces[Int(pair.right)]
    let made = known[piece] ?? Int32(pieces.count)
    if known.updateValue(made, forKey: piece) == nil { pieces.append(piece) }
    if joined.insert(pair).inserted { merges.append((pair.left, pair.right)) }
    var changed: Set<Pair> = []
    for word in found.words { join(pair, made: made, word: word, changed: &changed) }
    for pair in changed {
      if let count = pairs[pair]?.count, count > 0 { push(pair, count) }
    }
  }

  /// Joins a pair everywhere in one word and corrects the counts of its neighbours.
  private mutating func join(_ pair: Pair, made: Int32, word: Int32, changed: inout Set<Pair>) {
    let start = starts[Int(word)]
    let length = lengths[Int(word)]
    let weight = weights[Int(word)]
    var read = start
    var write = start
    while read < start + length {
      let isMatch =
        read + 1 < start + length && symbols[read] == pair.left
        && symbols[read + 1] == pair.right
      guard isMatch else {
        symbols[write] = symbols[read]
        read += 1
        write += 1
        continue
      }
      if write > start {
        let before = symbols[write - 1]
        forget(Pair(left: before, right: pair.left), change: weight)
        let new = Pair(left: before, right: made)
        note(new, word: word, change: weight)
        changed.insert(new)
      }
      if read + 2 < start + length {
        let after = symbols[read + 2]
        forget(Pair(left: pair.right, right: after), change: weight)
        let new = Pair(left: made, right: after)
        note(new, word: word, change: weight)
        changed.insert(new)
      }
      symbols[write] = made
      read += 2
      write += 1
    }
    lengths[Int(word)] = write - start
  }

  private mutating func note(_ pair: Pair, word: Int32, change: Int) {
    pairs[pair, default: Occurrences()].add(word, change)
  }

  private mutating func forget(_ pair: Pair, change: Int) {
    // The pair being joined is gone already: nothing to correct there.
    pairs[pair]?.count -= change
  }

  private mutating func push(_ pair: Pair, _ count: Int) {
    heap.push(.init(count: count, left: pair.left, right: pair.right))
  }
}

/// A pair with the count it had when it was pushed: the highest count first, then the lowest ids.
private struct CountedPair: Ranked {
  let count: Int
  let left: Int32
  let right: Int32

  func comes(before other: CountedPair) -> Bool {
    (other.count, left, right) < (count, other.left, other.right)
  }
}
