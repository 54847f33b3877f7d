import Formats
import Kernels

extension Network {
  func weightGradient(_ name: String) -> MutableFloats? {
    training == .everything ? gradient.pointer + model.layout.offset(name) : nil
  }

  /// Goes back through all layers from `dNormed`.
  func backward(_ batch: Batch, _ a: Activations) {
    let n = batch.count
    let d = config.hiddenSize
    a.dStream.pointer.update(repeating: 0, count: n * d)
    Kernels.rmsNormBackward(
      dx: a.dStream.pointer, dw: weightGradient("model.norm.weight"), dy: a.dNormed.pointer,
      x: a.output.pointer, weight: model.pointer("model.norm.weight"),
      inverseRMS: a.outputInverse.pointer, n: n, d: d)
    for layer in stride(from: config.layerCount - 1, through: 0, by: -1) {
      backward(layer: layer, batch: batch, room: a.layers[layer], a)
    }
    if let table = weightGradient("model.embed_tokens.weight") {
      Kernels.embedBackward(dtable: table, dx: a.dStream.pointer, ids: batch.ids, n: n, d: d)
    }
  }

  /// Turns `dStream` from the gradient of a layer's output into that of its input.
  private func backward(layer: Int, batch: Batch, room: LayerActivations, _ a: Activations) {
    let n = batch.count
    let d = config.hiddenSize
    let shape = AttentionShape(
      heads: config.headCount, groups: config.keyValueHeadCount, channels: config.headSize)
    func name(_ rest: String) -> String { "model.layers.\(layer).\(rest)" }

    projectBackward(
      .down, layer, dy: a.dStream.pointer, x: room.gated.pointer, dx: a.dGated.pointer,
      accumulate: false, n: n, room, a)
    Kernels.swigluBackward(
      dgate: room.gate.pointer, dup: room.up.pointer, dy: a.dGated.pointer,
      gate: room.gate.pointer, up: room.up.pointer, count: n * config.intermediateSize)
    projectBackward(
      .gate, layer, dy: room.gate.pointer, x: room.mlpInput.pointer, dx: a.dNormed.pointer,
      accumulate: false, n: n, room, a)
    projectBackward(
      .up, layer, dy: room.up.pointer, x: room.mlpInput.pointer, dx: a.dNormed.pointer,
      accumulate: true, n: n, room, a)
    Kernels.rmsNormBackward(
      dx: a.dStream.pointer, dw: weightGradient(name("post_attention_layernorm.weight")),
      dy: a.dNormed.pointer, x: room.middle.pointer,
      weight: model.pointer(name("post_attention_layernorm.weight")),
      inverseRMS: room.mlpInverse.pointer, n: n, d: d)

    projectBackward(
      .output, layer, dy: a.dStream.pointer, x: room.attention.pointer, dx: a.dAttention.pointer,
      accumulate: false, n: n, room, a)
    Kernels.attentionBackward(
      dq: a.dQuery.pointer, dk: a.dKey.pointer, dv: a.dValue.pointer, do: a.dAttention.pointer,
      o: room.attention.pointer, logSum: room.logSum.pointer, q: room.query.pointer,
      k: room.key.pointer, v: room.value.pointer, starts: batch.starts, shape: shape)
    Kernels.rope(
      a.dQuery.pointer, table: rope, positions: batch.positions, n: n, heads: config.headCount,
      direction: -1)
    Kernels.rope(
      a.dKey.pointer, table: rope, positions: batch.positions, n: n,
      heads: config.keyValueHeadCount, direction: -1)
    let x = room.attentionInput.pointer
    projectBackward(
      .query, layer, dy: a.dQuery.pointer, x: x, dx: a.dNormed.pointer, accumulate: false, n: n,
      room, a)
    projectBackward(
      .key, layer, dy: a.dKey.pointer, x: x, dx: a.dNormed.pointer, accumulate: true, n: n, room, a
    )
    projectBackward(
      .value, layer, dy: a.dValue.pointer, x: x, dx: a.dNormed.pointer, accumulate: true, n: n,
      room, a)
    Kernels.rmsNormBackward(
      dx: a.dStream.pointer, dw: weightGradient(name("input_layernorm.weight")),
      dy: a.dNormed.pointer, x: room.input.pointer,
      weight: model.pointer(name("input_layernorm.weight")),
      inverseRMS: room.attentionInverse.pointer, n: n, d: d)
  }

  /// dx (+)= dy·W and the low-rank path's share; adds the gradients of what is trained.
  private func projectBackward(
    _ projection: Projection, _ layer: Int, dy: Floats, x: Floats, dx: MutableFloats,
    accumulate: Bool, n: Int, _ room: LayerActivations, _ a: Activations
  ) {
    let pair = packed.layers[layer][projection.index]
    let path = projection.path(layer: layer)
    pair.backward?.multiply(dy, rows: n, rowStride: pair.out, into: dx, accumulate: accumulate)
    if let dw = weightGradient(path + ".weight") {
      space.multiply(
        dy, rows: pair.out, rowStride: 1, columnStride: pair.out, by: x, k: n, n: pair.columns,
        bRowStride: pair.columns, into: dw, accumulate: true)
      if hasBias(projection), let dBias = weightGradient(path + ".bias") {
        Kernels.biasBackward(dbias: dBias, dx: dy, n: n, d: pair.out)
      }
    }
    guard let adapter, let offsets = adapter.offsets(projection, layer: layer) else { return }
    let rank = adapter.config.rank
    let dLow = a.dLowRank.pointer
    // dB [out, rank] += dyᵀ · (scale · x·Aᵀ).
    if training == .adapter {
      space.multiply(
        dy, rows: pair.out, rowStride: 1, columnStride: pair.out,
        by: room.lowRank[projection.index].pointer, k: n, n: rank, bRowStride: rank,
        into: gradient.pointer + offsets.b, accumulate: true)
    }
    space.multiply(
      dy, rows: n, rowStride: pair.out, by: adapter.weights.pointer + offsets.b, k: pair.out,
      n: rank, bRowStride: rank, into: dLow)
    Kernels.scale(dLow, by: Float(adapter.config.scale), count: n * rank)
    // dA [rank, in] += dLowᵀ · dropout(x).
    if training == .adapter {
      space.multiply(
        dLow, rows: rank, rowStride: 1, columnStride: rank,
        by: dropped(x, projection, layer, count: n * pair.columns), k: n, n: pair.columns,
        bRowStride: pair.columns, into: gradient.pointer + offsets.a, accumulate: true)
    }
    guard let p = dropout else {
      space.multiply(
        dLow, rows: n, rowStride: rank, by: adapter.weights.pointer + offsets.a, k: rank,
        n: pair.columns, bRowStride: pair.columns, into: dx, accumulate: true)
      return
    }
    let dDropped = a.dropped.pointer
    space.multiply(
      dLow, rows: n, rowStride: rank, by: adapter.weights.pointer + offsets.a, k: rank,
      n: pair.columns, bRowStride: pair.columns, into: dDropped)
    Kernels.dropout(
      into: dDropped, dDropped, p: p, seed: seed(projection, layer), count: n * pair.columns)
    Kernels.add(dDropped, to: dx, count: n * pair.columns)
  }
}
