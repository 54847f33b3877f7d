import Formats
import Kernels

extension Network {
  /// Fills caches with prompts, all in one pass.
  /// - Returns: the logits behind each prompt's last token, [prompts, vocabulary].
  func prefill(_ batch: Batch, caches: [KeyValueCache]) -> FloatBuffer {
    let width = config.keyValueHeadCount * config.headSize
    let a = forward(batch) { layer, keys, values in
      for (s, cache) in caches.enumerated() {
        let start = Int(batch.starts[s])
        cache.append(
          layer: layer, keys: keys + start * width, values: values + start * width,
          rows: Int(batch.starts[s + 1]) - start)
      }
    }
    for (s, cache) in caches.enumerated() {
      cache.length += Int(batch.starts[s + 1] - batch.starts[s])
    }
    return lastLogits(a, rows: (0..<caches.count).map { Int(batch.starts[$0 + 1]) - 1 })
  }

  /// Takes one more token of each sequence.
  /// - Returns: the logits behind them, [sequences, vocabulary].
  ///
  /// A sequence's logits do not depend on which others are beside it: every product sums over its
  /// inner dimension in the same order for any number of rows.
  func decode(_ tokens: [Int32], caches: [KeyValueCache]) -> FloatBuffer {
    let n = tokens.count
    let d = config.hiddenSize
    let a = room(for: n)
    let epsilon = Float(config.normEpsilon)
    let positions = caches.map { Int32($0.length) }
    let lengths = positions.map { $0 + 1 }
    let width = config.keyValueHeadCount * config.headSize
    let shape = AttentionShape(
      heads: config.headCount, groups: config.keyValueHeadCount, channels: config.headSize)
    let room = a.layers[0]
    let stream = a.output.pointer
    Kernels.embed(
      into: stream, table: model.pointer("model.embed_tokens.weight"), ids: tokens, n: n, d: d)
    for layer in 0..<config.layerCount {
      func norm(_ name: String) -> Floats { Floats(model.pointer("model.layers.\(layer).\(name)")) }
      let x = room.attentionInput.pointer
      Kernels.rmsNorm(
        into: x, inverseRMS: nil, stream, weight: norm("input_layernorm.weight"), n: n, d: d,
        epsilon: epsilon)
      project(.query, layer, x, into: room.query.pointer, n: n, room)
      project(.key, layer, x, into: room.key.pointer, n: n, room)
      project(.value, layer, x, into: room.value.pointer, n: n, room)
      Kernels.rope(
        room.query.pointer, table: rope, positions: positions, n: n, heads: config.headCount)
      Kernels.rope(
        room.key.pointer, table: rope, positions: positions, n: n,
        heads: config.keyValueHeadCount)
      for (s, cache) in caches.enumerated() {
        cache.append(
          layer: layer, keys: room.key.pointer + s * width, values: room.value.pointer + s * width,
          rows: 1)
      }
      Kernels.attentionDecode(
        into: room.attention.pointer, q: room.query.pointer, keys: caches.map { $0.keys(layer) },
        values: caches.map { $0.values(layer) }, lengths: lengths, shape: shape)
      project(.output, layer, room.attention.pointer, into: stream, n: n, room, accumulate: true)
      Kernels.rmsNorm(
        into: room.mlpInput.pointer, inverseRMS: nil, stream,
        weight: norm("post_attention_layernorm.weight"), n: n, d: d, epsilon: epsilon)
      project(.gate, layer, room.mlpInput.pointer, into: room.gate.pointer, n: n, room)
      project(.up, layer, room.mlpInput.pointer, into: room.up.pointer, n: n, room)
      Kernels.swiglu(
        into: room.gated.pointer, gate: room.gate.pointer, up: room.up.pointer,
        count: n * config.intermediateSize)
      project(.down, layer, room.gated.pointer, into: stream, n: n, room, accumulate: true)
    }
    Kernels.rmsNorm(
      into: a.hidden.pointer, inverseRMS: nil, stream, weight: model.pointer("model.norm.weight"),
      n: n, d: d, epsilon: epsilon)
    for cache in caches { cache.length += 1 }
    return lastLogits(a, rows: Array(0..<n))
  }

  private func lastLogits(_ a: Activations, rows: [Int]) -> FloatBuffer {
    let d = config.hiddenSize
    let picked = FloatBuffer(count: rows.count * d)
    for (i, row) in rows.enumerated() {
      (picked.pointer + i * d).update(from: a.hidden.pointer + row * d, count: d)
    }
    let logits = FloatBuffer(count: rows.count * config.vocabularySize)
    packed.head.forward.multiply(
      picked.pointer, rows: rows.count, rowStride: d, into: logits.pointer)
    return logits
  }
}
