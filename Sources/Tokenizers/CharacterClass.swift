/// Names what the rules for cutting text into words tell apart.
enum CharacterClass: UInt8 {
  /// Unicode category L.
  case letter
  /// Unicode category N.
  case number
  /// Unicode property White_Space.
  case space
  case other

  private static let ascii: [CharacterClass] = (0..<128).map { value in
    switch UInt8(value) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): .letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .number
    case 9...13, 32: .space
    default: .other
    }
  }

  init(_ scalar: UInt32) {
    if scalar < 128 {
      self = Self.ascii[Int(scalar)]
      return
    }
    switch scalar {
    case 0x85, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000:
      self = .space
      return
    default: break
    }
    guard let value = Unicode.Scalar(scalar) else {
      self = .other
      return
    }
    switch value.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      self = .letter
    case .decimalNumber, .letterNumber, .otherNumber: self = .number
    default: self = .other
    }
  }
}

/// Reads scalars from bytes that should be UTF-8; a byte that is not counts as one character of its
/// own.
struct ScalarView {
  let bytes: UnsafeBufferPointer<UInt8>

  /// The scalar that starts at `at`, and its length in bytes.
  @inline(__always)
  func scalar(at: Int) -> (value: UInt32, length: Int) {
    let first = bytes[at]
    if first < 0x80 { return (UInt32(first), 1) }
    return longScalar(at: at, first: first)
  }

  private func longScalar(at: Int, first: UInt8) -> (value: UInt32, length: Int) {
    let length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
    guard length > 1, at + length <= bytes.count else { return (0xfffd, 1) }
    var value = UInt32(first) & (0x7f >> UInt32(length))
    for next in bytes[at + 1..<at + length] {
      guard next & 0xc0 == 0x80 else { return (0xfffd, 1) }
      value = value << 6 | UInt32(next & 0x3f)
    }
    return (value, length)
  }

  /// The class of the character at `at`, and its length in bytes.
  @inline(__always)
  func `class`(at: Int) -> (CharacterClass, Int) {
    let (value, length) = scalar(at: at)
    return (CharacterClass(value), length)
  }

  /// Where the run of characters of one class ends that goes on at `at`.
  func end(of wanted: CharacterClass, from at: Int) -> Int {
    var end = at
    while end < bytes.count {
      let (found, length) = `class`(at: end)
      guard found == wanted else { break }
      end += length
    }
    return end
  }
}
