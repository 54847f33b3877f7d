import Foundation

/// Names Unicode's normal forms.
enum NormalForm: String, Sendable {
  case c = "NFC"
  case d = "NFD"
  case kc = "NFKC"
  case kd = "NFKD"

  /// The text in this form, by the tables of Unicode 9 that the peers go by: what came later stays
  /// as it is and joins with nothing.
  func applied(to text: String) -> String {
    if isThere(text) { return text }
    var result = ""
    var part = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      // U+11A7 joins with nothing either; Swift 6.3 loses it behind Hangul.
      if Characters.isOlder(scalar, than: 9, 0), scalar.value != 0x11a7 {
        part.append(scalar)
      } else {
        result += plain(String(part))
        result.unicodeScalars.append(scalar)
        part = String.UnicodeScalarView()
      }
    }
    return result + plain(String(part))
  }

  private func plain(_ text: String) -> String {
    if isThere(text) { return text }
    return switch self {
    // The second decomposition puts marks in order, which the first one leaves out where a character
    // becomes several of them.
    case .c:
      Self.withHangulJoined(
        text.decomposedStringWithCanonicalMapping.decomposedStringWithCanonicalMapping
          .precomposedStringWithCanonicalMapping)
    case .d: text.decomposedStringWithCanonicalMapping.decomposedStringWithCanonicalMapping
    case .kc:
      Self.withHangulJoined(
        text.decomposedStringWithCompatibilityMapping.decomposedStringWithCanonicalMapping
          .precomposedStringWithCanonicalMapping)
    case .kd:
      text.decomposedStringWithCompatibilityMapping.decomposedStringWithCanonicalMapping
    }
  }

  /// The text with final consonants joined to the syllables before them, which Swift 6.3 leaves out
  /// where the syllable was composed before (Unicode Standard, section 3.12).
  private static func withHangulJoined(_ text: String) -> String {
    let finals: ClosedRange<UInt32> = 0x11a8...0x11c2
    guard text.unicodeScalars.contains(where: { finals.contains($0.value) }) else { return text }
    var result = String.UnicodeScalarView()
    var open: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      if let syllable = open, finals.contains(scalar.value),
        let joined = Unicode.Scalar(syllable.value + scalar.value - 0x11a7)
      {
        result.append(joined)
        open = nil
        continue
      }
      if let open { result.append(open) }
      let isOpen = (0xac00...0xd7a3).contains(scalar.value) && (scalar.value - 0xac00) % 28 == 0
      open = isOpen ? scalar : nil
      if !isOpen { result.append(scalar) }
    }
    if let open { result.append(open) }
    return String(result)
  }

  /// Whether the text is plainly in this form already; false where it takes more to know.
  private func isThere(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      // Composed Latin stays as it is in form C; the other forms change some of it.
      self == .c
        ? NormalFormC.firstDoubtful(in: bytes, from: 0) == nil : bytes.allSatisfy { $0 < 0x80 }
    }
  }
}

/// Brings text into normal form C where it is not: most texts are, or nearly.
enum NormalFormC {
  /// Whether a character stays as it is in form C, and never joins with the one before it.
  private static func isPlain(_ value: UInt32) -> Bool {
    switch value {
    case 0..<0x300, 0x400...0x482, 0x5d0...0x5ea, 0x621...0x63a, 0x641...0x64a, 0x2010...0x2027,
      0x2030...0x205e, 0x20a0...0x20bf, 0x2190...0x21ff, 0x2500...0x27bf, 0x3001...0x3029,
      0x3041...0x3098, 0x309b...0x30ff, 0x4e00...0x9fef, 0xac00...0xd7a3, 0xfe0f, 0xff01...0xffef,
      0xfffd, 0x1f300...0x1f5ff, 0x1f600...0x1f64f:
      true
    default: false
    }
  }

  /// Where the first character stands that form C may change or join with the one before.
  static func firstDoubtful(in bytes: UnsafeBufferPointer<UInt8>, from: Int) -> Int? {
    let view = ScalarView(bytes: bytes)
    var at = from
    while at < bytes.count {
      // Nothing below U+0300 is doubtful.
      if bytes[at] < 0xcc {
        at += 1
        continue
      }
      let (value, length) = view.scalar(at: at)
      if !isPlain(value) { return at }
      at += length
    }
    return nil
  }

  /// The text in form C; nil if it is already.
  static func changed(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard var doubtful = firstDoubtful(in: bytes, from: 0) else { return nil }
    let view = ScalarView(bytes: bytes)
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + 64)
    var done = 0
    while true {
      // From the character before, which may be joined with, to the next that is plain.
      var start = doubtful
      if start > done { start -= view.scalarBefore(start).length }
      var end = doubtful
      while end < bytes.count {
        let (value, length) = view.scalar(at: end)
        if end > doubtful, isPlain(value) { break }
        end += length
      }
      result += bytes[done..<start]
      let part = String(decoding: bytes[start..<end], as: UTF8.self)
      result += Array(NormalForm.c.applied(to: part).utf8)
      done = end
      guard let next = firstDoubtful(in: bytes, from: done) else { break }
      doubtful = next
    }
    result += bytes[done...]
    return result
  }
}
