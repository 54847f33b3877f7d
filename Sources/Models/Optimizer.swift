public import Kernels

/// Stores AdamW's moments for one run of weights, and steps them together.
public final class Optimizer {
  public let settings: AdamW
  /// Running means of the gradient and of its square.
  public let m: FloatBuffer
  public let v: FloatBuffer
  /// Steps taken so far.
  public var step = 0

  public init(count: Int, settings: AdamW) {
    self.settings = settings
    m = FloatBuffer(count: count)
    v = FloatBuffer(count: count)
  }

  /// Moves the weights against the gradient.
  /// - Parameter clip: the largest norm the gradient may have; 0 for any.
  /// - Returns: the gradient's norm before clipping.
  public func update(
    _ weights: FloatBuffer, gradient: FloatBuffer, learningRate: Double, clip: Double
  ) -> Double {
    let norm = Kernels.sumOfSquares(gradient.pointer, count: gradient.count).squareRoot()
    step += 1
    // PyTorch's clip_grad_norm_ divides by norm + 1e-6.
    let scale = clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1
    settings.update(
      weights.pointer, m: m.pointer, v: v.pointer, gradient: gradient.pointer,
      count: weights.count, step: step, learningRate: learningRate, gradientScale: scale)
    return norm
  }
}
