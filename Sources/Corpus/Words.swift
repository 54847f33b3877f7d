/// Finds the words of a text: runs of letters and digits, apostrophes inside them included.
public enum Words {
  /// The words in lower case, in order.
  public static func lowercased(_ text: some StringProtocol) -> [String] {
    var words: [String] = []
    var current = String.UnicodeScalarView()
    // An apostrophe counts only when a letter follows.
    var pending: Unicode.Scalar?
    func end() {
      if !current.isEmpty { words.append(String(current).lowercased()) }
      current = String.UnicodeScalarView()
      pending = nil
    }
    for scalar in text.unicodeScalars {
      if isPart(scalar) {
        if let mark = pending { current.append(mark) }
        pending = nil
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
}
