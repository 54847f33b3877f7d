internal import CKernels

/// Stores the settings of AdamW (Loshchilov and Hutter 2019), as PyTorch names and applies them.
public struct AdamW: Sendable {
  public var beta1: Double = 0.9
  public var beta2: Double = 0.999
  public var epsilon: Double = 1e-8
  public var weightDecay: Double = 0

  public init(beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  /// Moves `count` weights by one step.
  /// - Parameters:
  ///   - step: counts from 1.
  ///   - gradientScale: what the gradient is multiplied by first (clipping).
  public func update(
    _ weights: MutableFloats, m: MutableFloats, v: MutableFloats, gradient: Floats, count: Int,
    step: Int, learningRate: Double, gradientScale: Double
  ) {
    var power1 = 1.0
    var power2 = 1.0
    for _ in 0..<step {
      power1 *= beta1
      power2 *= beta2
    }
    plm_adamw(
      weights, m, v, gradient, Int64(count), gradientScale, learningRate, beta1, beta2, epsilon,
      weightDecay, 1 - power1, 1 - power2)
  }
}
