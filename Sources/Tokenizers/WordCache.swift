/// Remembers the ids of words seen, so that common words are merged once; words of up to 15 bytes.
struct WordCache {
  /// A word's bytes and length packed into two numbers; never zero.
  struct Key {
    let low: UInt64
    let high: UInt64
  }

  private var lows: [UInt64]
  private var highs: [UInt64]
  private var places: [UInt32]
  private var count = 0
  /// The ids of all words one after the other; a place is start · 16 + count − 1.
  private var ids: [Int32] = []
  private static let most = 1 << 16

  init() {
    (lows, highs, places) = Self.slots(1 << 10)
  }

  private static func slots(_ count: Int) -> ([UInt64], [UInt64], [UInt32]) {
    (
      Array(repeating: 0, count: count), Array(repeating: 0, count: count),
      Array(repeating: 0, count: count)
    )
  }

  /// Packs a word; nil if it is too long to remember.
  @inline(__always)
  static func key(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Key? {
    let length = range.count
    guard length <= 15 else { return nil }
    var low: UInt64 = 0
    var high = UInt64(length) << 56
    for offset in 0..<min(length, 8) {
      low |= UInt64(bytes[range.lowerBound + offset]) << UInt64(offset * 8)
    }
    if length > 8 {
      for offset in 8..<length {
        high |= UInt64(bytes[range.lowerBound + offset]) << UInt64((offset - 8) * 8)
      }
    }
    return Key(low: low, high: high)
  }

  @inline(__always)
  private func slot(of key: Key) -> Int {
    let mask = lows.count - 1
    let mixed = (key.low ^ (key.high &* 0xff51_afd7_ed55_8ccd)) &* 0x9e37_79b9_7f4a_7c15
    var slot = Int(truncatingIfNeeded: mixed >> 20) & mask
    while highs[slot] != 0, lows[slot] != key.low || highs[slot] != key.high {
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// Appends the ids of a word that is remembered; false if it is not.
  @inline(__always)
  func append(_ key: Key, to result: inout [Int32]) -> Bool {
    let slot = slot(of: key)
    guard highs[slot] != 0 else { return false }
    let place = Int(places[slot])
    let start = place >> 4
    if place & 15 == 0 {
      result.append(ids[start])
    } else {
      result.append(contentsOf: ids[start...start + (place & 15)])
    }
    return true
  }

  /// Remembers the ids of a word: one to sixteen.
  mutating func insert(_ key: Key, _ new: ArraySlice<Int32>) {
    guard (1...16).contains(new.count) else { return }
    if count >= Self.most {  // a new start is simpler than choosing what to forget
      ids.removeAll(keepingCapacity: true)
      (lows, highs, places) = Self.slots(lows.count)
      count = 0
    } else if count * 2 >= lows.count {
      grow()
    }
    let slot = slot(of: key)
    (lows[slot], highs[slot]) = (key.low, key.high)
    places[slot] = UInt32(ids.count << 4 | (new.count - 1))
    ids.append(contentsOf: new)
    count += 1
  }

  private mutating func grow() {
    let old = (lows, highs, places)
    (lows, highs, places) = Self.slots(old.0.count * 4)
    for index in old.0.indices where old.1[index] != 0 {
      let slot = slot(of: Key(low: old.0[index], high: old.1[index]))
      (lows[slot], highs[slot], places[slot]) = (old.0[index], old.1[index], old.2[index])
    }
  }
}
