import Kernels

/// Gives the learning rate of each step: a linear warm-up, then the schedule.
struct Schedule {
  enum Shape: String, CaseIterable { case constant, linear, cosine }

  let shape: Shape
  let peak: Double
  /// Steps of warm-up.
  let warmup: Int
  /// Steps in all.
  let steps: Int

  /// - Parameter step: counts from 0.
  func learningRate(_ step: Int) -> Double {
    if step < warmup { return peak * Double(step + 1) / Double(warmup) }
    let progress = Double(step - warmup) / Double(max(1, steps - warmup))
    return switch shape {
    case .constant: peak
    case .linear: peak * (1 - progress)
    // Down to a tenth of the peak, as is usual for pre-training (Hoffmann et al. 2022).
    case .cosine: peak * (0.1 + 0.45 * (1 + Kernels.cos(progress * 3.14159265358979323846)))
    }
  }
}
