import Foundation

/// Turns the bytes of a file into text, whatever encoding they are in.
enum TextDecoding {
  /// What came of it: a text, or nil with the reason among the problems.
  struct Outcome {
    var text: String?
    var problems: [(Problem.Kind, Problem.Action, Int)] = []
  }

  /// Decodes UTF-8, UTF-16 with a byte order mark, or Windows-1252.
  static func decode(_ bytes: [UInt8]) -> Outcome {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      return utf16(bytes)
    }
    var content = bytes[...]
    if content.starts(with: [0xEF, 0xBB, 0xBF]) { content = content.dropFirst(3) }
    var nuls = 0
    var controls = 0
    for byte in content where byte < 0x20 {
      switch byte {
      case 0: nuls += 1
      case 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B: break
      default: controls += 1
      }
    }
    if (nuls + controls) * 20 > content.count {
      return Outcome(problems: [(.binary, .skipped, 1)])
    }
    var outcome = Outcome()
    if nuls > 0 {
      content = content.filter { $0 != 0 }[...]
      outcome.problems.append((.nulBytes, .repaired, nuls))
    }
    if let text = String(validating: content, as: UTF8.self) {
      outcome.text = text
      return outcome
    }
    return repaired(content, outcome)
  }

  /// Decides between UTF-8 with damage and an older encoding of one byte a character.
  private static func repaired(_ content: ArraySlice<UInt8>, _ before: Outcome) -> Outcome {
    var outcome = before
    let text = String(decoding: content, as: UTF8.self)
    let broken = text.unicodeScalars.count { $0 == "\u{FFFD}" }
    let foreign = text.unicodeScalars.count { $0.value > 0x7F && $0 != "\u{FFFD}" }
    let high = content.count { $0 > 0x7F }
    if high * 2 > content.count, foreign * 4 < broken {
      return Outcome(problems: [(.binary, .skipped, 1)])
    }
    if foreign == 0 {
      outcome.text = windows1252(content)
      outcome.problems.append((.notUTF8, .decoded, 1))
    } else {
      outcome.text = text
      outcome.problems.append((.brokenUTF8, .repaired, broken))
    }
    return outcome
  }

  private static func utf16(_ bytes: [UInt8]) -> Outcome {
    let bigEndian = bytes[0] == 0xFE
    var units: [UInt16] = []
    units.reserveCapacity(bytes.count / 2)
    for at in stride(from: 2, to: bytes.count - 1, by: 2) {
      let (a, b) = (UInt16(bytes[at]), UInt16(bytes[at + 1]))
      units.append(bigEndian ? a << 8 | b : b << 8 | a)
    }
    let nuls = units.count { $0 == 0 }
    if nuls * 20 > units.count { return Outcome(problems: [(.binary, .skipped, 1)]) }
    var outcome = Outcome(problems: [(.utf16, .decoded, 1)])
    if nuls > 0 {
      units.removeAll { $0 == 0 }
      outcome.problems.append((.nulBytes, .repaired, nuls))
    }
    outcome.text = String(decoding: units, as: UTF16.self)
    return outcome
  }

  /// Windows-1252: Latin-1 with signs in place of the control characters 0x80 to 0x9F.
  private static func windows1252(_ content: ArraySlice<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in content {
      let value = (0x80...0x9F).contains(byte) ? windowsSigns[Int(byte) - 0x80] : UInt32(byte)
      text.append(Unicode.Scalar(value) ?? "\u{FFFD}")
    }
    return String(text)
  }

  private static let windowsSigns: [UInt32] = [
    0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178,
  ]

  /// Brings a text into its one form: line feeds, composed characters, no NUL, no mark or space at
  /// either end.
  static func normalised(_ text: some StringProtocol) -> String {
    var composed = String(text)
    if !composed.utf8.allSatisfy({ $0 < 0x80 }) {
      composed = composed.precomposedStringWithCanonicalMapping
    }
    var units: [UInt8] = []
    units.reserveCapacity(composed.utf8.count)
    var afterReturn = false
    for unit in composed.utf8 {
      switch unit {
      case 0: break
      case 0x0D: units.append(0x0A)
      case 0x0A where afterReturn: break
      default: units.append(unit)
      }
      afterReturn = unit == 0x0D
    }
    return String(decoding: units, as: UTF8.self).trimmed
  }
}

extension String {
  /// The text without white space and byte order marks at its ends.
  var trimmed: String {
    let isMargin: (Unicode.Scalar) -> Bool = {
      $0.properties.isWhitespace || $0 == "\u{FEFF}"
    }
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !isMargin($0) }),
      let last = scalars.lastIndex(where: { !isMargin($0) })
    else { return "" }
    return String(scalars[first...last])
  }
}
