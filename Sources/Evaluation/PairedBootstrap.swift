import Bytes

/// Estimates how sure a mean of paired differences is: the percentile bootstrap (Efron 1979) over
/// users, whose questions stay together.
public struct PairedBootstrap: Equatable, Sendable {
  public let mean: Double
  /// The interval that holds the mean of 95 of 100 resamples.
  public let low, high: Double

  /// - Parameters:
  ///   - differences: one for each user; not empty.
  ///   - seed: of the resampling.
  public init(_ differences: [Double], resamples: Int = 10_000, seed: UInt64) {
    let count = Double(max(differences.count, 1))
    mean = differences.reduce(0, +) / count
    guard differences.count > 1 else {
      (low, high) = (mean, mean)
      return
    }
    var random = SeededRandom(seed: seed, purpose: "bootstrap")
    var means: [Double] = []
    means.reserveCapacity(resamples)
    for _ in 0..<resamples {
      var sum = 0.0
      for _ in differences.indices { sum += differences[random.below(differences.count)] }
      means.append(sum / count)
    }
    means.sort()
    low = means[Int(Double(resamples) * 0.025)]
    high = means[min(Int(Double(resamples) * 0.975), resamples - 1)]
  }
}
