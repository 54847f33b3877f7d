/// Hashes runs of words, quickly enough for a corpus: what two texts share is found by them.
///
/// A word is a run of letters and digits, in any case; of other characters than ASCII all count as
/// letters but the signs of Latin-1 and general punctuation (U+2000 to U+206F), so that quotes and
/// dashes divide words. Thirteen words in a row hardly ever come about twice by chance, which is
/// why Brown et al. (2020, appendix C) look for copies by runs of that length.
public enum WordRuns {
  /// How many words a run has.
  public static let length = 13

  /// The hashes of a text's words, in order.
  public static func words(_ text: UnsafeBufferPointer<UInt8>) -> [UInt64] {
    var words: [UInt64] = []
    words.reserveCapacity(text.count / 5)
    var hash = seed
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte < 0x80 {
        let isLetter = byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
        if isLetter || byte >= 0x30 && byte <= 0x39 {
          hash = (hash ^ UInt64(isLetter ? byte | 0x20 : byte)) &* prime
        } else {
          end(&hash, &words)
        }
        at += 1
      } else if byte == 0xc2 {
        // U+0080 to U+00BF: signs, and the space that does not break.
        end(&hash, &words)
        at += 2
      } else if byte == 0xe2, at + 1 < text.count, text[at + 1] == 0x80 || text[at + 1] == 0x81 {
        end(&hash, &words)
        at += 3
      } else {
        hash = (hash ^ UInt64(byte)) &* prime
        at += 1
      }
    }
    end(&hash, &words)
    return words
  }

  /// The hashes of a text's words, in order.
  public static func words(_ text: String) -> [UInt64] {
    var text = text
    return text.withUTF8 { words($0) }
  }

  /// Calls `body` with the hash of each run in turn, of none where there are fewer words.
  public static func forEach(_ words: [UInt64], _ body: (UInt64) -> Void) {
    guard words.count >= length else { return }
    // A polynomial in the words, so that a run's hash follows from the one before it.
    var hash: UInt64 = 0
    for word in words.prefix(length) { hash = hash &* base &+ word }
    body(hash)
    for at in length..<words.count {
      hash = hash &* base &+ words[at] &- words[at - length] &* leaving
      body(hash)
    }
  }

  /// One hash of all words of a text.
  public static func whole(_ words: [UInt64]) -> UInt64 {
    words.reduce(UInt64(words.count)) { ($0 ^ $1) &* base }
  }

  private static let seed: UInt64 = 0xcbf2_9ce4_8422_2325
  private static let prime: UInt64 = 0x100_0000_01b3
  private static let base: UInt64 = 0x9e37_79b9_7f4a_7c15
  /// base to the power of `length`.
  private static let leaving: UInt64 = (0..<length).reduce(1) { power, _ in power &* base }

  private static func end(_ hash: inout UInt64, _ words: inout [UInt64]) {
    guard hash != seed else { return }
    // FNV-1a leaves the high bits of short words poorly mixed.
    var mixed = (hash ^ (hash >> 32)) &* 0xd6e8_feb8_6659_fd93
    mixed ^= mixed >> 32
    words.append(mixed)
    hash = seed
  }
}
