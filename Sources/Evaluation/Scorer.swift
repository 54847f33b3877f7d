public import Formats
public import Models

/// Scores token samples with one network.
public struct Scorer {
  private let network: Network

  public init(_ network: Network) { self.network = network }

  /// Tokens that go through the network at a time.
  private static let batchTokens = 2048

  /// The score of all samples together.
  /// - Parameter done: called with the number of samples that have been scored.
  public func score(
    _ samples: [TokenSample], done: (Int) -> Void = { _ in }
  ) throws(ModelError) -> Score {
    var total = Score()
    var first = 0
    while first < samples.count {
      var last = first
      var held = 0
      while last < samples.count, held == 0 || held + samples[last].ids.count <= Self.batchTokens {
        held += samples[last].ids.count
        last += 1
      }
      let batch = try Batch(Array(samples[first..<last]), config: network.model.config)
      total.nats += network.loss(batch)
      total.tokens += batch.lossRows.count
      total.bytes += samples[first..<last].reduce(0) { $0 + $1.labelledBytes }
      first = last
      done(first)
    }
    return total
  }
}
