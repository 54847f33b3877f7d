import Bytes
import Formats
import Kernels
import Models
import Testing

/// Gradients against finite differences, on a shape with every feature: biases, grouped heads of a
/// size of their own, normed, several sequences.
@Suite struct GradientTests {
  static let config = ModelConfig(
    family: .qwen2, hiddenSize: 24, intermediateSize: 40, layerCount: 2, headCount: 4,
    keyValueHeadCount: 2, headSize: 10, vocabularySize: 50, tiedEmbeddings: false,
    queryKeyValueBias: true, outputBias: true, mlpBias: true, queryKeyNorm: true,
    maximumPositions: 64)

  private func model() -> LanguageModel {
    var random = SeededRandom(seed: 7)
    let weights = FloatBuffer(count: Self.config.parameterCount)
    for i in 0..<weights.count { weights.pointer[i] = Float(random.normal() * 0.3) }
    return LanguageModel(config: Self.config, weights: weights)
  }

  private func batch() throws -> Batch {
    let a: [Int32] = [3, 7, 1, 49, 7, 7, 20]
    let b: [Int32] = [11, 0, 5]
    return try Batch(
      [
        TokenSample(ids: a, labels: [-100, -100, 1, 49, 7, -100, 20]),
        TokenSample(ids: b, labels: b),
      ], config: Self.config)
  }

  /// Compares directional derivatives with the gradient.
  ///
  /// The directions are the gradient with each component weighted at random: steep enough to stand
  /// out of f32's noise, and different enough that no wrong component hides behind a right one.
  /// - Parameter settle: called when the weights have been changed, before they are used.
  private func check(
    _ network: Network, _ weights: FloatBuffer, in range: Range<Int>, _ what: String,
    settle: () -> Void = {}
  ) throws {
    let batch = try batch()
    network.gradient.zero()
    _ = network.lossAndGradient(batch, scale: 1)
    let gradient = network.gradient.floats[range].map { Double($0) }
    let original = weights.floats
    var random = SeededRandom(seed: 3)
    for _ in 0..<3 {
      var direction = gradient.map { $0 * 2 * random.uniform() }
      let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      try #require(length > 0, "\(what) has no gradient")
      direction = direction.map { $0 / length }
      let slope = zip(direction, gradient).reduce(0) { $0 + $1.0 * $1.1 }
      func loss(_ step: Double) -> Double {
        for (i, place) in range.enumerated() {
          weights.pointer[place] = original[place] + Float(step * direction[i])
        }
        settle()
        // Dropout drops on the way to a gradient alone, the same each time.
        return network.lossAndGradient(batch, scale: 1)
      }
      let size = 1e-2
      let measured = (loss(size) - loss(-size)) / (2 * size)
      weights.write(original)
      #expect(abs(measured - slope) < 0.01 * slope + 2e-3, "\(what): \(measured), not \(slope)")
    }
  }

  @Test func `every weight of the model`() throws {
    let model = model()
    let network = Network(model, training: .everything)
    for entry in model.layout.entries {
      try check(network, model.weights, in: entry.offset..<entry.offset + entry.count, entry.name)
    }
  }

  @Test(arguments: [0.0, 0.3])
  func `every factor of the adapter`(dropout: Double) throws {
    let model = model()
    var random = SeededRandom(seed: 5)
    let adapter = Adapter.drawn(
      AdapterConfig(rank: 3, alpha: 5, dropout: dropout, targets: AdapterConfig.linearLayers),
      on: model, deviation: 0.3, &random)
    let network = Network(
      model, adapter: adapter, training: .adapter)
    network.dropoutSeed = 99
    for entry in adapter.layout.entries {
      try check(network, adapter.weights, in: entry.offset..<entry.offset + entry.count, entry.name)
    }
  }

  /// The lengths of rows count as constants: where A and B move, so do the magnitudes, such that the
  /// quotient m/‖W + scale·B·A‖ stays what it was.
  @Test(arguments: [0.0, 0.3])
  func `every factor and magnitude of an adapter with magnitudes`(dropout: Double) throws {
    let model = model()
    var random = SeededRandom(seed: 5)
    let adapter = Adapter.drawn(
      AdapterConfig(
        rank: 3, alpha: 5, dropout: dropout, targets: AdapterConfig.linearLayers,
        weightDecomposed: true),
      on: model, deviation: 0.3, &random)
    let network = Network(model, adapter: adapter, training: .adapter)
    network.dropoutSeed = 99
    let lengths = PlainLengths(adapter, model)
    let quotients = zip(lengths.magnitudes, lengths.measured).map { $0 / $1 }
    #expect(quotients.contains { abs($0 - 1) > 0.1 })
    for entry in adapter.layout.entries {
      let range = entry.offset..<entry.offset + entry.count
      guard !entry.name.contains("magnitude") else {
        try check(network, adapter.weights, in: range, entry.name)
        continue
      }
      try check(network, adapter.weights, in: range, entry.name) {
        lengths.setMagnitudes(zip(quotients, lengths.measured).map { $0 * $1 })
      }
    }
  }

  @Test func `sequences in one batch do not see each other`() throws {
    let network = Network(model())
    let a = TokenSample(ids: [3, 7, 1, 9], labels: [3, 7, 1, 9])
    let b = TokenSample(ids: [5, 6, 2], labels: [5, 6, 2])
    let together = network.losses(try Batch([a, b], config: Self.config))
    let apart =
      network.losses(try Batch([a], config: Self.config))
      + network.losses(try Batch([b], config: Self.config))
    #expect(together == apart)
  }
}
