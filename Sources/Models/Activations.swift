import Formats
import Kernels

/// Stores what one layer computed for n tokens, and what the way back reads again.
///
/// The residual stream is f32; what products read is of the network's precision.
final class LayerActivations {
  /// The layer's input, [n, d].
  let input: FloatBuffer
  /// Inverse root mean squares of the two norms, [n].
  let attentionInverse: FloatBuffer
  let mlpInverse: FloatBuffer
  /// Normed input of the attention and of the MLP, [n, d].
  let attentionInput: NumberBuffer
  let mlpInput: NumberBuffer
  /// After rotation: [n, heads·c] and [n, groups·c].
  let query: NumberBuffer
  let key: NumberBuffer
  let value: NumberBuffer
  /// Query and key before their heads are normed; nil where the model does not norm them.
  let rawQuery: NumberBuffer?
  let rawKey: NumberBuffer?
  /// Inverse root mean squares of the heads, [n, heads] and [n, groups].
  let queryInverse: FloatBuffer
  let keyInverse: FloatBuffer
  let logSum: FloatBuffer
  /// The heads' results, [n, heads·c].
  let attention: NumberBuffer
  /// The residual stream between attention and MLP, [n, d].
  let middle: FloatBuffer
  /// [n, intermediate].
  let gate: NumberBuffer
  let up: NumberBuffer
  /// scale · x·Aᵀ of each projection, [n, rank]; empty where it is not adapted.
  let lowRank: [NumberBuffer]
  /// With DoRA, x·Wᵀ + scale · x·Aᵀ·Bᵀ of each projection, before it is scaled, [n, out]; empty where
  /// nothing is.
  let unscaled: [NumberBuffer]

  init(tokens n: Int, config: ModelConfig, adapter: AdapterConfig?, precision: Precision) {
    let d = config.hiddenSize
    let queries = config.headCount * config.headSize
    let keys = config.keyValueHeadCount * config.headSize
    func numbers(_ count: Int) -> NumberBuffer { NumberBuffer(count: count, type: precision.type) }
    input = FloatBuffer(count: n * d)
    attentionInverse = FloatBuffer(count: n)
    mlpInverse = FloatBuffer(count: n)
    attentionInput = numbers(n * d)
    mlpInput = numbers(n * d)
    query = numbers(n * queries)
    key = numbers(n * keys)
    value = numbers(n * keys)
    let normed = config.queryKeyNorm
    rawQuery = normed ? numbers(n * queries) : nil
    rawKey = normed ? numbers(n * keys) : nil
    queryInverse = FloatBuffer(count: normed ? n * config.headCount : 0)
    keyInverse = FloatBuffer(count: normed ? n * config.keyValueHeadCount : 0)
    logSum = FloatBuffer(count: n * config.headCount)
    attention = numbers(n * queries)
    middle = FloatBuffer(count: n * d)
    gate = numbers(n * config.intermediateSize)
    up = numbers(n * config.intermediateSize)
    lowRank = Projection.allCases.map { projection in
      let adapted = adapter?.targets.contains(projection.rawValue) ?? false
      return numbers(adapted ? n * (adapter?.rank ?? 0) : 0)
    }
    unscaled = Projection.allCases.map { projection in
      guard let adapter, adapter.weightDecomposed, adapter.targets.contains(projection.rawValue)
      else { return numbers(0) }
      return numbers(n * projection.shape(config).out)
    }
  }
}

/// Stores the activations of a whole pass, and the gradients that flow back through it.
final class Activations {
  let capacity: Int
  /// One per layer for training; a single one, used over and over, otherwise.
  let layers: [LayerActivations]
  /// With recomputation: the layers' inputs, from which a layer is computed again on the way back.
  let inputs: [FloatBuffer]
  /// silu(gate)·up of the layer at hand, [n, intermediate].
  let gated: NumberBuffer
  /// What the last layer hands on, before and after the final norm, [n, d].
  let output: FloatBuffer
  let outputInverse: FloatBuffer
  let hidden: NumberBuffer
  /// Room for gradients and intermediate results of the way back; empty outside training.
  let dStream: FloatBuffer
  let dNormed: NumberBuffer
  /// The gradient of the final norm's output, [n, d]: summed over pieces of the vocabulary.
  let dHidden: FloatBuffer
  let dQuery: NumberBuffer
  let dKey: NumberBuffer
  let dValue: NumberBuffer
  let dAttention: NumberBuffer
  let dGated: NumberBuffer
  /// dy·B of each projection, [n, rank].
  let dLowRank: [NumberBuffer]
  /// With DoRA, the gradient of what a projection adds to the residual stream, before it was scaled,
  /// [n, d].
  let dUnscaled: NumberBuffer
  /// Inputs with elements dropped, for up to three projections of the same input; none outside
  /// training, where nothing is dropped.
  let dropped: [NumberBuffer]

  init(
    tokens n: Int, config: ModelConfig, adapter: AdapterConfig?, training: Bool,
    recompute: Bool, precision: Precision
  ) {
    capacity = n
    let d = config.hiddenSize
    let queries = config.headCount * config.headSize
    let keys = config.keyValueHeadCount * config.headSize
    let back = training ? n : 0
    func numbers(_ count: Int) -> NumberBuffer { NumberBuffer(count: count, type: precision.type) }
    layers = (0..<(training && !recompute ? config.layerCount : 1)).map { _ in
      LayerActivations(tokens: n, config: config, adapter: adapter, precision: precision)
    }
    inputs =
      training && recompute
      ? (0..<config.layerCount).map { _ in FloatBuffer(count: n * d) } : []
    gated = numbers(n * config.intermediateSize)
    output = FloatBuffer(count: n * d)
    outputInverse = FloatBuffer(count: n)
    hidden = numbers(n * d)
    dStream = FloatBuffer(count: back * d)
    dNormed = numbers(back * d)
    dHidden = FloatBuffer(count: back * d)
    dQuery = numbers(back * queries)
    dKey = numbers(back * keys)
    dValue = numbers(back * keys)
    dAttention = numbers(back * queries)
    dGated = numbers(back * config.intermediateSize)
    dLowRank = Projection.allCases.map { projection in
      let adapted = adapter?.targets.contains(projection.rawValue) ?? false
      return numbers(adapted ? back * (adapter?.rank ?? 0) : 0)
    }
    dUnscaled = numbers(adapter?.weightDecomposed == true ? back * d : 0)
    let widest = max(d, queries, config.intermediateSize)
    dropped = (0..<(training && (adapter?.dropout ?? 0) > 0 ? 3 : 0)).map { _ in numbers(n * widest)
    }
  }
}
