/// Stores where the values of a measure lie.
public struct Quantiles: Codable, Equatable, Sendable {
  public let least, p1, p5, p25, median, p75, p95, p99, most: Double

  /// Measures values; all are zero where there are none.
  public init(_ values: [Double]) {
    let sorted = values.sorted()
    func at(_ share: Double) -> Double {
      guard let last = sorted.indices.last else { return 0 }
      let place = share * Double(last)
      let low = Int(place)
      let high = min(low + 1, last)
      return (sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))).rounded6
    }
    least = at(0)
    p1 = at(0.01)
    p5 = at(0.05)
    p25 = at(0.25)
    median = at(0.5)
    p75 = at(0.75)
    p95 = at(0.95)
    p99 = at(0.99)
    most = at(1)
  }
}
