import Formats
import Kernels

/// Stores what one more token of each sequence computes, f32.
final class DecodeRoom {
  let capacity: Int
  /// [n, d].
  let stream, normed: FloatBuffer
  let query, key, value, attention: FloatBuffer
  /// [n, intermediate].
  let gate, up: FloatBuffer
  /// [n, rank].
  let low: FloatBuffer

  init(sequences n: Int, config: ModelConfig, rank: Int) {
    capacity = n
    let queries = config.headCount * config.headSize
    let keys = config.keyValueHeadCount * config.headSize
    stream = FloatBuffer(count: n * config.hiddenSize)
    normed = FloatBuffer(count: n * config.hiddenSize)
    query = FloatBuffer(count: n * queries)
    key = FloatBuffer(count: n * keys)
    value = FloatBuffer(count: n * keys)
    attention = FloatBuffer(count: n * queries)
    gate = FloatBuffer(count: n * config.intermediateSize)
    up = FloatBuffer(count: n * config.intermediateSize)
    low = FloatBuffer(count: n * rank)
  }
}

extension Network {
  /// Fills caches with prompts, all in one pass.
  /// - Returns: the logits behind each prompt's last token, [prompts, vocabulary].
  func prefill(_ batch: Batch, caches: [KeyValueCache]) -> FloatBuffer {
    let a = forward(batch, back: false) { layer, keys, values in
      for (s, cache) in caches.enumerated() {
        cache.append(
          layer: layer, keys: keys, values: values,
          rows: Int(batch.starts[s])..<Int(batch.starts[s + 1]))
      }
    }
    for (s, cache) in caches.enumerated() {
      cache.length += Int(batch.starts[s + 1] - batch.starts[s])
    }
    return logits(a, rows: (0..<caches.count).map { Int(batch.starts[$0 + 1]) - 1 })
  }

  /// Takes one more token of each sequence, f32 whatever the precision.
  /// - Returns: the logits behind them, [sequences, vocabulary].
  ///
  /// A sequence's logits do not depend on which others are beside it: each is a dot product of its
  /// own.
  func decode(_ tokens: [Int32], caches: [KeyValueCache]) -> FloatBuffer {
    let n = tokens.count
    let d = config.hiddenSize
    let room: DecodeRoom
    if let held = decodeRoom, held.capacity >= n {
      room = held
    } else {
      room = DecodeRoom(sequences: n, config: config, rank: adapter?.config.rank ?? 0)
      decodeRoom = room
    }
    let epsilon = Float(config.normEpsilon)
    let positions = caches.map { Int32($0.length) }
    let lengths = positions.map { $0 + 1 }
    let rope = rope(positions: Int(lengths.max() ?? 1))
    let width = config.keyValueHeadCount * config.headSize
    let shape = AttentionShape(
      heads: config.headCount, groups: config.keyValueHeadCount, channels: config.headSize)
    let stream = Numbers(room.stream.pointer)
    let normed = Numbers(room.normed.pointer)
    func norm(_ weight: Floats) {
      Kernels.rmsNorm(
        into: normed, inverseRMS: nil, stream, weight: weight, n: n, d: d, epsilon: epsilon)
    }
    Kernels.embed(
      into: room.stream.pointer, table: model.embedding.matrix, ids: tokens, n: n, d: d)
    for (layer, weights) in model.layers.enumerated() {
      func project(
        _ projection: Projection, _ x: FloatBuffer, _ y: FloatBuffer, add: Bool = false
      ) {
        projectOne(projection, layer, x.pointer, into: y.pointer, n: n, add: add, low: room.low)
      }
      norm(weights.attentionNorm)
      project(.query, room.normed, room.query)
      project(.key, room.normed, room.key)
      project(.value, room.normed, room.value)
      for (x, weight, heads) in [
        (room.query, weights.queryNorm, shape.heads), (room.key, weights.keyNorm, shape.groups),
      ] {
        guard let weight else { continue }
        let x = Numbers(x.pointer)
        Kernels.rmsNorm(
          into: x, inverseRMS: nil, x, weight: weight, n: n * heads, d: shape.channels,
          epsilon: epsilon)
      }
      Kernels.rope(
        Numbers(room.query.pointer), table: rope, positions: positions, n: n,
        heads: config.headCount)
      Kernels.rope(
        Numbers(room.key.pointer), table: rope, positions: positions, n: n,
        heads: config.keyValueHeadCount)
      for (s, cache) in caches.enumerated() {
        cache.append(
          layer: layer, key: room.key.pointer + s * width, value: room.value.pointer + s * width)
      }
      Kernels.attentionDecode(
        into: room.attention.pointer, q: room.query.pointer, keys: caches.map { $0.keys(layer) },
        values: caches.map { $0.values(layer) }, lengths: lengths, shape: shape)
      project(.output, room.attention, room.stream, add: true)
      norm(weights.mlpNorm)
      project(.gate, room.normed, room.gate)
      project(.up, room.normed, room.up)
      let gate = Numbers(room.gate.pointer)
      Kernels.swiglu(
        into: gate, gate: gate, up: Numbers(room.up.pointer), count: n * config.intermediateSize)
      project(.down, room.gate, room.stream, add: true)
    }
    norm(model.norm)
    for cache in caches { cache.length += 1 }
    let logits = FloatBuffer(count: n * config.vocabularySize)
    Kernels.dots(
      room.normed.pointer, model.output.matrix, m: n, n: config.vocabularySize, k: d,
      into: logits.pointer)
    return logits
  }

  /// y (+)= x·Wᵀ + bias + scale · x·Aᵀ·Bᵀ for a few rows.
  private func projectOne(
    _ projection: Projection, _ layer: Int, _ x: Floats, into y: MutableFloats, n: Int, add: Bool,
    low: FloatBuffer
  ) {
    let weights = model.layers[layer]
    let weight = weights.projections[projection.index]
    Kernels.dots(
      x, weight.matrix, m: n, n: weight.rows, k: weight.columns, into: y,
      bias: weights.biases[projection.index].map { Floats($0) }, accumulate: add)
    guard let adapter, let offsets = adapter.offsets(projection, layer: layer) else { return }
    let rank = adapter.config.rank
    Kernels.dots(
      x, Matrix(adapter.weights.pointer + offsets.a, stride: weight.columns), m: n, n: rank,
      k: weight.columns, into: low.pointer, scale: Float(adapter.config.scale))
    Kernels.dots(
      low.pointer, Matrix(adapter.weights.pointer + offsets.b, stride: rank), m: n,
      n: weight.rows, k: rank, into: y, accumulate: true)
  }
}
