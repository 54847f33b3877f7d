/// Finds the words of a text: runs of letters and digits, apostrophes inside them included.
///
/// Of scripts that put no spaces between words each character is a word, with the marks on it: else
/// a whole clause would be one, and no two texts would share any.
public enum Words {
  /// The words in lower case, in order.
  public static func lowercased(_ text: some StringProtocol) -> [String] {
    var words: [String] = []
    var current = String.UnicodeScalarView()
    // Whether that is a character of a script without spaces.
    var isSingle = false
    // An apostrophe counts only when a letter follows.
    var pending: Unicode.Scalar?
    func end() {
      if !current.isEmpty { words.append(String(current).lowercased()) }
      current = String.UnicodeScalarView()
      isSingle = false
      pending = nil
    }
    for scalar in text.unicodeScalars {
      if isPart(scalar) {
        let standsAlone = hasNoSpaces(scalar)
        if standsAlone || isSingle, !isMark(scalar) || pending != nil { end() }
        if let mark = pending { current.append(mark) }
        pending = nil
        if current.isEmpty { isSingle = standsAlone }
        current.append(scalar)
      } else if scalar == "'" || scalar == "\u{2019}", !current.isEmpty, pending == nil {
        pending = "'"
      } else {
        end()
      }
    }
    end()
    return words
  }

  private static func isPart(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x80 {
      return (0x61...0x7A).contains(scalar.value) || (0x41...0x5A).contains(scalar.value)
        || (0x30...0x39).contains(scalar.value)
    }
    let properties = scalar.properties
    return properties.isAlphabetic || properties.numericType != nil
      || properties.generalCategory == .nonspacingMark
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .nonspacingMark
      || scalar.properties.generalCategory == .spacingMark
  }

  /// Whether a character is of Thai, Lao, Myanmar, Khmer, Hiragana, Katakana or Han.
  private static func hasNoSpaces(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case ..<0x0E00: false
    case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0xA9E0...0xA9FF, 0xAA60...0xAA7F: true
    case 0x2E80...0x2FDF, 0x3005...0x3007, 0x3021...0x3029, 0x3031...0x303C, 0x3041...0x30FF,
      0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0xFF66...0xFF9F:
      true
    case 0x1AFF0...0x1B16F, 0x20000...0x3FFFF: true
    default: false
    }
  }
}
