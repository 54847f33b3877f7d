/// Converts between 32-bit floats and the 16-bit IEEE format, rounding to nearest, ties to even.
public enum HalfPrecision {
  /// The value of a 16-bit float; always exact.
  public static func float(_ half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    let magnitude = UInt32(half & 0x7fff) << 13
    if magnitude >= 0x0f80_0000 {  // infinity or not a number
      return Float(bitPattern: sign | (magnitude + 0x7000_0000))
    }
    // The exponent's bias differs by 112; the product also normalises small numbers, exactly.
    let value = Float(bitPattern: magnitude) * 0x1p112
    return Float(bitPattern: sign | value.bitPattern)
  }

  /// The nearest 16-bit float; beyond 65,520 infinity.
  public static func bits(_ value: Float) -> UInt16 {
    let pattern = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: pattern >> 16) & 0x8000
    let magnitude = pattern & 0x7fff_ffff
    if magnitude > 0x7f80_0000 {
      return sign | 0x7e00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x01ff
    }
    if magnitude >= 0x4780_0000 { return sign | 0x7c00 }
    if magnitude < 0x3880_0000 {
      // The last bit of a half that is not normal weighs as much as the last bit of 0.5.
      let rounded = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: rounded.bitPattern - 0x3f00_0000)
    }
    let odd = magnitude >> 13 & 1
    return sign | UInt16(truncatingIfNeeded: (magnitude - 0x3800_0000 + 0x0fff + odd) >> 13)
  }
}

/// Converts between 32-bit floats and bfloat16, rounding to nearest, ties to even.
public enum BrainFloat {
  /// The value of a bfloat16; always exact.
  public static func float(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// The nearest bfloat16.
  public static func bits(_ value: Float) -> UInt16 {
    let pattern = value.bitPattern
    if pattern & 0x7fff_ffff > 0x7f80_0000 {
      return UInt16(truncatingIfNeeded: pattern >> 16) | 0x0040
    }
    return UInt16(truncatingIfNeeded: (pattern &+ 0x7fff &+ (pattern >> 16 & 1)) >> 16)
  }
}
