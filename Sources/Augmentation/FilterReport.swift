import Bytes
public import Corpus
import Persona

/// Sums up what the filter did: how many samples, why they went, where the scores lie.
public struct FilterReport: Equatable, Sendable {
  public let samples: Int
  public let accepted: Int
  /// How many were rejected for each reason; reasons nobody failed have nought.
  public let rejected: [String: Int]
  private let scores: [String: [Double]]

  public init(_ marked: [Sample]) {
    samples = marked.count
    accepted = marked.count { $0.verdict == .accepted }
    var rejected: [String: Int] = [:]
    for check in Filter.Check.allCases { rejected[check.rawValue] = 0 }
    var scores: [String: [Double]] = [:]
    for sample in marked {
      if let reason = sample.reason { rejected[reason, default: 0] += 1 }
      for (name, score) in sample.scores ?? [:] { scores[name, default: []].append(score) }
    }
    self.rejected = rejected
    self.scores = scores
  }

  /// Writes the report as JSON.
  public func encoded() -> [UInt8] {
    let json: JSON = [
      "samples": .int(samples), "accepted": .int(accepted),
      "rejected": .object(rejected.mapValues { .int($0) }),
      "scores": .object(
        scores.mapValues { values in
          let quantiles = Quantiles(values)
          return [
            "least": .double(quantiles.least), "p5": .double(quantiles.p5),
            "median": .double(quantiles.median), "p95": .double(quantiles.p95),
            "most": .double(quantiles.most),
          ]
        }),
    ]
    return json.bytes + [UInt8(ascii: "\n")]
  }
}
