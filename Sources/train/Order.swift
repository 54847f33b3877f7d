import Bytes

/// Gives the samples of each step: every epoch all of them, in an order of its own.
struct Order {
  let sampleCount: Int
  let batchSize: Int
  /// Batches whose gradients add up to one step.
  let accumulation: Int
  let shuffled: Bool
  let seed: UInt64

  var stepsPerEpoch: Int {
    let perStep = batchSize * accumulation
    return (sampleCount + perStep - 1) / perStep
  }

  /// The order of an epoch; depends on the seed and the epoch alone, so that a run can go on in the
  /// middle of one.
  func samples(epoch: Int) -> [Int] {
    var order = Array(0..<sampleCount)
    if shuffled {
      var random = SeededRandom(seed: seed, purpose: "order of epoch \(epoch)")
      random.shuffle(&order)
    }
    return order
  }

  /// The batches of a step within an epoch's order.
  func batches(step: Int, of order: [Int]) -> [ArraySlice<Int>] {
    let first = step * batchSize * accumulation
    return stride(
      from: first, to: min(first + batchSize * accumulation, order.count), by: batchSize
    ).map { order[$0..<min($0 + batchSize, order.count)] }
  }
}
