/// Maps bytes to the printable characters in which byte-level vocabularies spell them, and back.
///
/// Printable Latin-1 bytes stand for themselves; the others, in order, for U+0100 onwards (GPT-2's
/// rule).
public enum ByteAlphabet {
  /// The bytes in the order GPT-2 numbers them: those that stand for themselves first.
  public static let order: [UInt8] = {
    let printable = Array(33...126) + Array(161...172) + Array(174...255)
    let others = (0...255).filter { !printable.contains($0) }
    return (printable + others).map { UInt8($0) }
  }()

  /// The character for each byte.
  static let scalars: [Unicode.Scalar] = {
    var scalars = (0...255).map { Unicode.Scalar(UInt8($0)) }
    var next: UInt32 = 256
    for byte in order.dropFirst(188) {
      if let scalar = Unicode.Scalar(next) { scalars[Int(byte)] = scalar }
      next += 1
    }
    return scalars
  }()

  /// The byte for each character of the alphabet, by its number; −1 for others.
  private static let values: [Int16] = {
    var values = [Int16](repeating: -1, count: 512)
    for (byte, scalar) in scalars.enumerated() { values[Int(scalar.value)] = Int16(byte) }
    return values
  }()

  /// Spells bytes in the alphabet.
  public static func spell(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.underestimatedCount)
    for byte in bytes {
      let value = scalars[Int(byte)].value
      if value < 0x80 {
        text.append(UInt8(truncatingIfNeeded: value))
      } else {
        // All of the alphabet lies below U+0800: two bytes of UTF-8.
        text.append(UInt8(truncatingIfNeeded: 0xc0 | value >> 6))
        text.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3f))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes a spelling stands for; nil if a character is not of the alphabet.
  public static func bytes(_ spelling: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(spelling.utf8.count)
    return values.withUnsafeBufferPointer { values in
      for scalar in spelling.unicodeScalars {
        guard scalar.value < 512, values[Int(scalar.value)] >= 0 else { return nil }
        bytes.append(UInt8(truncatingIfNeeded: values[Int(scalar.value)]))
      }
      return bytes
    }
  }
}
