extension ModelConfig {
  /// The angles by which a position turns the pairs of a head's channels, [headSize / 2], scaled as
  /// the config says and rounded to 32 bits where transformers rounds (`modeling_rope_utils`).
  ///
  /// Su et al. 2021: the i-th is theta^(−2i / headSize). PyTorch's own power differs from the
  /// nearest float in about one of a hundred, by its last bit.
  public var ropeFrequencies: [Float] {
    plainFrequencies.map { ropeScaling?.scaled($0) ?? $0 }
  }

  /// What llama.cpp divides each frequency by: its tensor `rope_freqs.weight`.
  func ropeDivisors(_ scaling: RopeScaling) -> [Float] {
    plainFrequencies.map(scaling.divisor)
  }

  private var plainFrequencies: [Float] {
    (0..<headSize / 2).map { i in
      let exponent = Float(2 * i) / Float(headSize)
      return 1 / Float(Self.power(Double(Float(ropeTheta)), exponent))
    }
  }

  /// base^exponent for 0 ≤ exponent < 1: the product of the base's square roots that the exponent's
  /// binary digits name. It takes no C library, so every platform gets the same bits.
  private static func power(_ base: Double, _ exponent: Float) -> Double {
    var (power, root, rest) = (1.0, base, exponent)
    while rest > 0 {
      root = root.squareRoot()
      rest *= 2
      if rest >= 1 {
        power *= root
        rest -= 1
      }
    }
    return power
  }
}
