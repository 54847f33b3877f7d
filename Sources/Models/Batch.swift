public import Formats

/// Stores sequences laid one after another, with what each position must predict.
public struct Batch: Sendable {
  /// Token ids, [n].
  public let ids: [Int32]
  /// Each row's place in its sequence, [n].
  public let positions: [Int32]
  /// Rows of sequence s: `starts[s]..<starts[s + 1]`.
  public let starts: [Int32]
  /// The rows that carry loss, ascending.
  public let lossRows: [Int32]
  /// What each loss row must predict.
  public let targets: [Int32]

  public var count: Int { ids.count }
  /// Tokens of the longest sequence.
  public let longest: Int
  public var sequenceCount: Int { starts.count - 1 }

  /// Lays out samples; `labels[i + 1]` is what row i predicts.
  /// - Throws: `ModelError` for ids and lengths that the model does not have.
  public init(_ samples: [TokenSample], config: ModelConfig) throws(ModelError) {
    var ids: [Int32] = []
    var positions: [Int32] = []
    var starts: [Int32] = [0]
    var lossRows: [Int32] = []
    var targets: [Int32] = []
    for sample in samples {
      guard sample.ids.count <= config.maximumPositions else {
        throw .tooLong(tokens: sample.ids.count, positions: config.maximumPositions)
      }
      for (i, id) in sample.ids.enumerated() {
        guard id >= 0, id < config.vocabularySize else {
          throw .tokenOutOfRange(id: id, vocabulary: config.vocabularySize)
        }
        if i + 1 < sample.labels.count, sample.labels[i + 1] != TokenSample.unlabelled {
          lossRows.append(Int32(ids.count))
          targets.append(sample.labels[i + 1])
        }
        positions.append(Int32(i))
        ids.append(id)
      }
      starts.append(Int32(ids.count))
    }
    longest = samples.reduce(0) { max($0, $1.ids.count) }
    self.ids = ids
    self.positions = positions
    self.starts = starts
    self.lossRows = lossRows
    self.targets = targets
  }
}
