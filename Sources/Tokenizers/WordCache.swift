/// Remembers the ids of words seen, so that common words are merged once; words of up to 15 bytes.
///
/// A class, so that a copy of an encoder shares it; not to be used by two threads at once.
final class WordCache {
  /// A word's bytes and length packed into two numbers; never zero.
  struct Key {
    let low: UInt64
    let high: UInt64
  }

  /// A word with its ids: up to four in place, −1 behind the last. More stand in `overflow`, from the
  /// place that `first` names as −2 − place on, as many as `second` says.
  private struct Slot {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var first: Int32 = -1
    var second: Int32 = -1
    var third: Int32 = -1
    var fourth: Int32 = -1
  }

  private var slots: UnsafeMutablePointer<Slot>
  private var mask: Int
  private var count = 0
  private var overflow: [Int32] = []
  private static let most = 1 << 17

  init() {
    mask = (1 << 10) - 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(), count: mask + 1)
  }

  deinit { slots.deallocate() }

  static let longest = 15

  /// Packs a word of 1 to 15 bytes.
  /// - Parameters:
  ///   - bytes: where the word starts.
  ///   - available: how many bytes may be read from there on; at least the length.
  @inline(__always)
  static func key(_ bytes: UnsafePointer<UInt8>, length: Int, available: Int) -> Key {
    guard available >= 16 else { return slowKey(bytes, length: length) }
    let raw = UnsafeRawPointer(bytes)
    var low = UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
    var high: UInt64 = 0
    if length > 8 {
      high = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      high &= (1 << UInt64((length - 8) * 8)) &- 1
    } else if length < 8 {
      low &= (1 << UInt64(length * 8)) &- 1
    }
    return Key(low: low, high: high | UInt64(length) << 56)
  }

  private static func slowKey(_ bytes: UnsafePointer<UInt8>, length: Int) -> Key {
    var low: UInt64 = 0
    var high = UInt64(length) << 56
    for offset in 0..<length {
      if offset < 8 {
        low |= UInt64(bytes[offset]) << UInt64(offset * 8)
      } else {
        high |= UInt64(bytes[offset]) << UInt64((offset - 8) * 8)
      }
    }
    return Key(low: low, high: high)
  }

  @inline(__always)
  private func slot(of key: Key) -> Int {
    let mixed = (key.low ^ (key.high &* 0xff51_afd7_ed55_8ccd)) &* 0x9e37_79b9_7f4a_7c15
    var slot = Int(truncatingIfNeeded: mixed >> 40) & mask
    while slots[slot].high != 0, slots[slot].low != key.low || slots[slot].high != key.high {
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// Writes the ids of a word that is remembered, and says how many; 0 if it is not.
  /// - Parameter room: must have place for as many ids as the word has bytes, and four at least.
  @inline(__always)
  func write(_ key: Key, to room: UnsafeMutablePointer<Int32>) -> Int {
    let found = slots + slot(of: key)
    guard found.pointee.high != 0 else { return 0 }
    let first = found.pointee.first
    room[0] = first
    if found.pointee.second < 0 { return 1 }
    if first < -1 { return writeMany(found.pointee.first, found.pointee.second, to: room) }
    room[1] = found.pointee.second
    room[2] = found.pointee.third
    room[3] = found.pointee.fourth
    return found.pointee.third < 0 ? 2 : found.pointee.fourth < 0 ? 3 : 4
  }

  private func writeMany(
    _ first: Int32, _ count: Int32, to room: UnsafeMutablePointer<Int32>
  ) -> Int {
    let start = Int(-2 - first)
    for offset in 0..<Int(count) { room[offset] = overflow[start + offset] }
    return Int(count)
  }

  /// Remembers the ids of a word.
  func insert(_ key: Key, _ ids: UnsafeBufferPointer<Int32>) {
    guard !ids.isEmpty else { return }
    if count >= Self.most {  // a new start is simpler than choosing what to forget
      slots.update(repeating: Slot(), count: mask + 1)
      overflow.removeAll(keepingCapacity: true)
      count = 0
    } else if count * 2 > mask {
      grow()
    }
    var new = Slot(low: key.low, high: key.high, first: ids[0])
    if ids.count > 4 {
      new.first = Int32(-2 - overflow.count)
      new.second = Int32(ids.count)
      overflow += ids
    } else {
      if ids.count > 1 { new.second = ids[1] }
      if ids.count > 2 { new.third = ids[2] }
      if ids.count > 3 { new.fourth = ids[3] }
    }
    slots[slot(of: key)] = new
    count += 1
  }

  private func grow() {
    let (old, size) = (slots, mask + 1)
    mask = size * 4 - 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(), count: mask + 1)
    for index in 0..<size where old[index].high != 0 {
      slots[slot(of: Key(low: old[index].low, high: old[index].high))] = old[index]
    }
    old.deallocate()
  }
}
