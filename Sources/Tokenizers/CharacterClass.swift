/// Names what the rules for cutting text into words tell apart.
enum CharacterClass: UInt8, Sendable {
  /// Unicode category L.
  case letter
  /// Unicode category N.
  case number
  /// Unicode property White_Space.
  case space
  case other

  @inline(__always)
  init(_ scalar: UInt32) {
    self = scalar < 0x20000 ? Characters.classes[Int(scalar)] : Characters.class(of: scalar)
  }
}

/// Knows what kind of character each scalar is, by the Unicode version the peers go by.
///
/// Vocabularies were made with, and are served by, regular expressions of Unicode 16. What came
/// later counts as unassigned here, whatever the toolchain knows, so that its version changes no ids.
enum Characters {
  /// The classes of the first two planes; made once, when a text first leaves ASCII.
  static let classes: [CharacterClass] = (0..<0x20000).map { `class`(of: UInt32($0)) }

  /// The classes of bytes, 4 standing for those that begin or continue longer characters.
  static let byteClasses: [UInt8] = (0..<256).map {
    $0 < 128 ? `class`(of: UInt32($0)).rawValue : nonASCII
  }
  static let nonASCII: UInt8 = 4

  static func `class`(of value: UInt32) -> CharacterClass {
    switch value {
    // Long runs that are full since Unicode 13: Han, Hangul, private use.
    case 0x3400...0x4dbf, 0x4e00...0x9ffc, 0xac00...0xd7a3: return .letter
    case 0xd800...0xf8ff: return .other
    default: break
    }
    guard let scalar = Unicode.Scalar(value) else { return .other }
    // What takes time is asked for only where it can matter: all of this is done for every character.
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return category(of: scalar) == .unassigned ? .other : .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      return category(of: scalar) == .unassigned ? .other : .number
    case .spaceSeparator, .lineSeparator, .paragraphSeparator, .control:
      return scalar.properties.isWhitespace ? .space : .other
    default: return .other
    }
  }

  /// The general category as of Unicode 16.
  static func category(of scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
    let category = scalar.properties.generalCategory
    // Ages are asked for only where new characters may be: it takes time.
    if scalar.value < 0x80 || category == .unassigned { return category }
    return isOlder(scalar, than: 16, 0) ? category : .unassigned
  }

  /// Whether a character was there in a version of Unicode.
  static func isOlder(_ scalar: Unicode.Scalar, than major: Int, _ minor: Int) -> Bool {
    if scalar.value < 0x80 { return true }
    guard let age = scalar.properties.age else {
      // Private use and such have no age, and never change.
      return true
    }
    return (age.major, age.minor) <= (major, minor)
  }

  /// Whether a character makes words (`\w` of Rust's expressions).
  static func isWord(_ value: UInt32) -> Bool {
    guard let scalar = Unicode.Scalar(value) else { return false }
    if value == 0x200c || value == 0x200d { return true }
    return isWordLetter(scalar)
  }

  /// The same for expressions of Oniguruma, which takes some fractions and powers along.
  static func isOnigurumaWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0xb2, 0xb3, 0xb9, 0xbc...0xbe: true
    default: isWordLetter(scalar)
    }
  }

  private static func isWordLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch category(of: scalar) {
    case .unassigned: false
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: scalar.properties.isAlphabetic
    }
  }

  /// Whether a character is a digit or other number as the `Digits` pre-tokenizer has it, which
  /// goes by a newer table than expressions do.
  static func isNumeric(_ value: UInt32) -> Bool {
    if value < 0x80 { return (0x30...0x39).contains(value) }
    guard let scalar = Unicode.Scalar(value) else { return false }
    switch scalar.properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: return isOlder(scalar, than: 17, 0)
    default: return false
    }
  }

  /// Whether a character is punctuation as the `Punctuation` pre-tokenizer has it: ASCII's signs
  /// too, and nothing younger than Unicode 8, where its table ends.
  static func isPunctuation(_ value: UInt32) -> Bool {
    switch value {
    // The last two have become other kinds since.
    case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e, 0x166d, 0x111c9: return true
    default: break
    }
    guard let scalar = Unicode.Scalar(value) else { return false }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return isOlder(scalar, than: 8, 0)
    default: return false
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

  /// The scalar that ends at `end`, which is not the start, and its length in bytes.
  func scalarBefore(_ end: Int) -> (value: UInt32, length: Int) {
    var start = end - 1
    while start > 0, end - start < 4, bytes[start] & 0xc0 == 0x80 { start -= 1 }
    let (value, length) = scalar(at: start)
    return start + length == end ? (value, length) : (0xfffd, 1)
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
