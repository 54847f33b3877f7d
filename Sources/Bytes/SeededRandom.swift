/// Generates random numbers that depend on its seed alone, on every platform.
///
/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): one 64-bit word of state, which a checkpoint
/// can save and restore.
public struct SeededRandom: RandomNumberGenerator, Sendable, Codable {
  /// All there is to save: a generator made from it goes on with the same numbers.
  public private(set) var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// Derives an independent generator for a named purpose, so that drawing more numbers for one
  /// purpose never shifts those of another.
  public init(seed: UInt64, purpose: String) {
    // FNV-1a over the purpose, mixed once with the seed.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var mixer = SeededRandom(seed: seed ^ hash)
    state = mixer.next()
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number in 0..<1 with 53 random bits.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A number in 0..<bound, without bias.
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "an empty range has no number")
    let limit = UInt64(bound)
    let threshold = (0 &- limit) % limit
    while true {
      let (high, low) = next().multipliedFullWidth(by: limit)
      if low >= threshold { return Int(high) }
    }
  }

  /// A standard normal number: the sum of twelve uniforms less six (Irwin–Hall), which needs
  /// neither logarithm nor cosine and so gives the same bits with every C library.
  public mutating func normal() -> Double {
    var sum = -6.0
    for _ in 0..<12 { sum += uniform() }
    return sum
  }

  /// Shuffles in place (Fisher–Yates, from the end).
  public mutating func shuffle<T>(_ items: inout [T]) {
    guard items.count > 1 else { return }
    for last in stride(from: items.count - 1, to: 0, by: -1) {
      items.swapAt(last, below(last + 1))
    }
  }
}
