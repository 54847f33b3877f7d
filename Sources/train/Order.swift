import Bytes

/// Gives the batches of each step: every epoch all of them, in an order of its own.
struct Order {
  /// What is shuffled as one: single samples, or packs of samples that fill a batch together.
  let packs: [[Int]]
  /// Packs of a batch.
  let batchSize: Int
  /// Batches whose gradients add up to one step.
  let accumulation: Int
  let shuffled: Bool
  let seed: UInt64

  var stepsPerEpoch: Int {
    let perStep = batchSize * accumulation
    return (packs.count + perStep - 1) / perStep
  }

  /// The order of an epoch; depends on the seed and the epoch alone, so that a run can go on in the
  /// middle of one.
  func packs(epoch: Int) -> [Int] {
    var order = Array(packs.indices)
    if shuffled {
      var random = SeededRandom(seed: seed, purpose: "order of epoch \(epoch)")
      random.shuffle(&order)
    }
    return order
  }

  /// The samples of each batch of a step within an epoch's order.
  func batches(step: Int, of order: [Int]) -> [[Int]] {
    let first = step * batchSize * accumulation
    return stride(
      from: first, to: min(first + batchSize * accumulation, order.count), by: batchSize
    ).map { start in
      order[start..<min(start + batchSize, order.count)].flatMap { packs[$0] }
    }
  }

  /// Every sample by itself.
  static func singly(_ count: Int) -> [[Int]] { (0..<count).map { [$0] } }

  /// Samples put together such that no pack has more than `tokens` tokens: the longest first, each
  /// where it fits first (first-fit decreasing, at most 22 % more packs than needed: Johnson 1973).
  static func packed(lengths: [Int], tokens: Int) -> [[Int]] {
    let longestFirst = lengths.indices.sorted {
      (lengths[$0], $1) > (lengths[$1], $0)
    }
    var packs: [[Int]] = []
    var room: [Int] = []
    // Packs before this one have no room for any sample.
    var firstOpen = 0
    let shortest = lengths.min() ?? 0
    for sample in longestFirst {
      let length = lengths[sample]
      while firstOpen < packs.count, room[firstOpen] < shortest { firstOpen += 1 }
      if let pack = (firstOpen..<packs.count).first(where: { room[$0] >= length }) {
        packs[pack].append(sample)
        room[pack] -= length
      } else {
        packs.append([sample])
        room.append(tokens - length)
      }
    }
    return packs.map { $0.sorted() }
  }
}
