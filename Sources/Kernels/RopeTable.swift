internal import CKernels

/// Stores cosines and sines of every position's rotation, [positions, channels / 2].
public final class RopeTable {
  /// Channels of a head.
  public let channels: Int
  public let positions: Int
  let cosines: FloatBuffer
  let sines: FloatBuffer

  /// - Parameter frequencies: angle per position of each pair of channels, [channels / 2].
  public init(positions: Int, frequencies: [Float]) {
    self.positions = positions
    let half = frequencies.count
    channels = 2 * half
    cosines = FloatBuffer(count: positions * half)
    sines = FloatBuffer(count: positions * half)
    for (i, frequency) in frequencies.enumerated() {
      for position in 0..<positions {
        // Rounded to f32 where Hugging Face's implementation rounds.
        let angle = Double(Float(position) * frequency)
        cosines.pointer[position * half + i] = Float(plm_cos(angle))
        sines.pointer[position * half + i] = Float(plm_sin(angle))
      }
    }
  }

  /// Su et al. 2021: frequency θ^(−2i / channels).
  public convenience init(positions: Int, channels: Int, theta: Double) {
    self.init(
      positions: positions,
      frequencies: (0..<channels / 2).map { i in
        let exponent = Float(2 * i) / Float(channels)
        return 1 / Float(plm_exp(Double(exponent) * plm_log(theta)))
      })
  }
}
