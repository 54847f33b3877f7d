import Bytes
import Evaluation
import Formats
import Kernels
import Models
import Testing

/// Perplexity over windows whose second halves are scored, as llama.cpp's tool measures it.
@Suite struct PerplexityTests {
  private func network() -> Network {
    let config = ModelConfig(
      hiddenSize: 32, intermediateSize: 48, layerCount: 1, headCount: 2, vocabularySize: 50,
      maximumPositions: 16)
    let model = LanguageModel(
      config: config, weights: FloatBuffer(count: config.parameterCount))
    var random = SeededRandom(seed: 2)
    model.draw(&random)
    for at in 0..<model.weights.count { model.weights.pointer[at] *= 20 }
    return Network(model)
  }

  @Test func `each window's second half is scored, given its first`() throws {
    let network = network()
    // Two windows of 8 and a rest that fills none.
    let ids = (0..<19).map { Int32($0 * 7 % 50) }
    let found = try Perplexity(
      of: network, ids: ids, start: 3, context: 8, bytes: { Int($0) })
    #expect(found.windows == 2 && found.score.tokens == 2 * 3)
    var nats = 0.0
    var bytes = 0
    for window in [ids[0..<8], ids[8..<16]] {
      var piece = Array(window)
      piece[0] = 3
      // What stands at 5, 6 and 7 is predicted from all before it.
      for at in 5..<8 {
        let labels = (0...at).map { $0 == at ? piece[$0] : TokenSample.unlabelled }
        let batch = try Batch(
          [TokenSample(ids: Array(piece[...at]), labels: labels)], config: network.model.config)
        nats += network.loss(batch)
        bytes += Int(piece[at])
      }
    }
    #expect(abs(found.score.nats - nats) < 1e-4 * nats)
    #expect(found.score.bytes == bytes)
    #expect(abs(found.value - Kernels.exp(nats / 6)) < 1e-3 * found.value)
    #expect(found.uncertainty > 0)
    let first = try Perplexity(
      of: network, ids: ids, start: nil, context: 8, most: 1, bytes: { _ in 1 })
    #expect(first.windows == 1 && first.score.tokens == 3)
  }
}
