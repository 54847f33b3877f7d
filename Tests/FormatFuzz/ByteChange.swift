import Bytes

/// Changes bytes without knowing what they mean.
enum ByteChange {
  static func changed(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(4) where !bytes.isEmpty {
      let at = random.below(bytes.count)
      let length = min(bytes.count - at, 1 + random.below(16))
      switch random.below(8) {
      case 0: bytes.removeLast(bytes.count - at)
      case 1: bytes.removeSubrange(at..<at + length)
      case 2: bytes.insert(contentsOf: bytes[at..<at + length], at: at)
      case 3: bytes[at] ^= 1 << UInt8(random.below(8))
      case 4: bytes[at] = UInt8(random.below(256))
      case 5: for i in at..<at + length { bytes[i] = 0xff }
      case 6:
        // Brackets, quotes and the like: what grammars turn on.
        let turning = Array("{}[]\",:\\0e-\u{0}".utf8)
        bytes[at] = turning[random.below(turning.count)]
      default:
        let opening = Array(repeating: UInt8(ascii: random.below(2) == 0 ? "[" : "{"), count: 400)
        bytes.insert(contentsOf: opening, at: at)
      }
    }
    return bytes
  }

  /// Numbers at which counting goes wrong, within so many bytes.
  static func awkward(_ width: Int, near value: UInt64, _ random: inout SeededRandom) -> UInt64 {
    let all = width >= 8 ? UInt64.max : (1 << UInt64(8 * width)) - 1
    let numbers: [UInt64] = [
      0, 1, 2, all, all / 2, all / 2 + 1, all - 7, value &+ 1, value &- 1, value &* 2, value / 2,
      value | 1 << UInt64(random.below(64)), 1 << 28, 1 << 32, 1 << 40, 1 << 60,
      UInt64(random.below(256)), random.next(),
    ]
    return numbers[random.below(numbers.count)] & all
  }
}
