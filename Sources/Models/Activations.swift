import Formats
import Kernels

/// Stores what one layer computed for n tokens, and what the way back reads again.
final class LayerActivations {
  /// The layer's input, [n, d].
  let input: FloatBuffer
  /// Inverse root mean squares of the two norms, [n].
  let attentionInverse: FloatBuffer
  let mlpInverse: FloatBuffer
  /// Normed input of the attention and of the MLP, [n, d].
  let attentionInput: FloatBuffer
  let mlpInput: FloatBuffer
  /// After rotation: [n, heads·c] and [n, groups·c].
  let query: FloatBuffer
  let key: FloatBuffer
  let value: FloatBuffer
  let logSum: FloatBuffer
  /// The heads' results, [n, heads·c].
  let attention: FloatBuffer
  /// The residual stream between attention and MLP, [n, d].
  let middle: FloatBuffer
  /// [n, intermediate]; `gated` = silu(gate)·up.
  let gate: FloatBuffer
  let up: FloatBuffer
  let gated: FloatBuffer
  /// scale · x·Aᵀ of each projection, [n, rank]; empty where it is not adapted.
  let lowRank: [FloatBuffer]

  init(tokens n: Int, config: ModelConfig, adapter: AdapterConfig?) {
    let d = config.hiddenSize
    let queries = config.headCount * config.headSize
    let keys = config.keyValueHeadCount * config.headSize
    input = FloatBuffer(count: n * d)
    attentionInverse = FloatBuffer(count: n)
    mlpInverse = FloatBuffer(count: n)
    attentionInput = FloatBuffer(count: n * d)
    mlpInput = FloatBuffer(count: n * d)
    query = FloatBuffer(count: n * queries)
    key = FloatBuffer(count: n * keys)
    value = FloatBuffer(count: n * keys)
    logSum = FloatBuffer(count: n * config.headCount)
    attention = FloatBuffer(count: n * queries)
    middle = FloatBuffer(count: n * d)
    gate = FloatBuffer(count: n * config.intermediateSize)
    up = FloatBuffer(count: n * config.intermediateSize)
    gated = FloatBuffer(count: n * config.intermediateSize)
    lowRank = Projection.allCases.map { projection in
      let adapted = adapter?.targets.contains(projection.rawValue) ?? false
      return FloatBuffer(count: adapted ? n * (adapter?.rank ?? 0) : 0)
    }
  }
}

/// Stores the activations of a whole pass, and the gradients that flow back through it.
final class Activations {
  let capacity: Int
  /// One per layer for training; a single one, used over and over, otherwise.
  let layers: [LayerActivations]
  /// What the last layer hands on, before and after the final norm, [n, d].
  let output: FloatBuffer
  let outputInverse: FloatBuffer
  let hidden: FloatBuffer
  /// Room for gradients and intermediate results of the way back; empty outside training.
  let dStream: FloatBuffer
  let dNormed: FloatBuffer
  let dQuery: FloatBuffer
  let dKey: FloatBuffer
  let dValue: FloatBuffer
  let dAttention: FloatBuffer
  let dGated: FloatBuffer
  let dLowRank: FloatBuffer
  /// A projection's input with elements dropped.
  let dropped: FloatBuffer

  init(tokens n: Int, config: ModelConfig, adapter: AdapterConfig?, training: Bool) {
    capacity = n
    let d = config.hiddenSize
    let queries = config.headCount * config.headSize
    let keys = config.keyValueHeadCount * config.headSize
    let back = training ? n : 0
    layers = (0..<(training ? config.layerCount : 1)).map { _ in
      LayerActivations(tokens: n, config: config, adapter: adapter)
    }
    output = FloatBuffer(count: n * d)
    outputInverse = FloatBuffer(count: n)
    hidden = FloatBuffer(count: n * d)
    dStream = FloatBuffer(count: back * d)
    dNormed = FloatBuffer(count: back * d)
    dQuery = FloatBuffer(count: back * queries)
    dKey = FloatBuffer(count: back * keys)
    dValue = FloatBuffer(count: back * keys)
    dAttention = FloatBuffer(count: back * queries)
    dGated = FloatBuffer(count: back * config.intermediateSize)
    dLowRank = FloatBuffer(count: back * (adapter?.rank ?? 0))
    let widest = max(d, queries, config.intermediateSize)
    dropped = FloatBuffer(count: (adapter?.dropout ?? 0) > 0 ? n * widest : 0)
  }
}
