import Formats
import Kernels

extension Network {
  /// Goes back through all layers from `dHidden`.
  func backward(_ batch: Batch, _ a: Activations) {
    let n = batch.count
    let d = config.hiddenSize
    let rope = rope(positions: batch.longest)
    Kernels.rmsNormBackward(
      dx: Numbers(a.dStream.pointer), accumulate: false, dw: weightGradient("model.norm.weight"),
      dy: Numbers(a.dHidden.pointer), x: Numbers(a.output.pointer), weight: model.norm,
      inverseRMS: a.outputInverse.pointer, n: n, d: d)
    for layer in stride(from: config.layerCount - 1, through: 0, by: -1) {
      let room = a.layers[layer % a.layers.count]
      if !a.inputs.isEmpty {
        room.input.pointer.update(from: a.inputs[layer].pointer, count: n * d)
        forward(layer: layer, batch: batch, rope: rope, room: room, next: nil, a)
      }
      backward(layer: layer, batch: batch, rope: rope, room: room, a)
    }
    if let table = weightGradient("model.embed_tokens.weight") {
      Kernels.embedBackward(dtable: table, dx: a.dStream.pointer, ids: batch.ids, n: n, d: d)
    }
  }

  /// Turns `dStream` from the gradient of a layer's output into that of its input.
  private func backward(
    layer: Int, batch: Batch, rope: RopeTable, room: LayerActivations, _ a: Activations
  ) {
    let n = batch.count
    let d = config.hiddenSize
    let weights = model.layers[layer]
    let shape = AttentionShape(
      heads: config.headCount, groups: config.keyValueHeadCount, channels: config.headSize)
    func name(_ rest: String) -> String { "model.layers.\(layer).\(rest)" }

    let dOut = Gradient(
      matrix: Matrix(a.dStream.pointer, stride: d), numbers: Numbers(a.dStream.pointer))
    // gated again, for the gradient of down_proj; gate and up become their own gradients.
    let needsGated = training == .everything || adapter?.place(.down, layer: layer) != nil
    let dDown = unscaled(.down, dOut, layer, into: a.dUnscaled, n: n, room)
    back([(.down, dDown)], layer, into: a.dGated, n: n, a)
    Kernels.swigluBackward(
      dgate: Numbers(room.gate), dup: Numbers(room.up), again: needsGated ? Numbers(a.gated) : nil,
      dy: Numbers(a.dGated), gate: Numbers(room.gate), up: Numbers(room.up),
      count: n * config.intermediateSize)
    learn([(.down, dDown)], layer, x: a.gated, n: n, room, a)

    let mlp = [(Projection.gate, room.gate), (Projection.up, room.up)].map { projection, dy in
      let gradient = Gradient(dy, columns: config.intermediateSize)
      return (projection, unscaled(projection, gradient, layer, into: dy, n: n, room))
    }
    back(mlp, layer, into: a.dNormed, n: n, a)
    learn(mlp, layer, x: room.mlpInput, n: n, room, a)
    Kernels.rmsNormBackward(
      dx: Numbers(a.dStream.pointer), accumulate: true,
      dw: weightGradient(name("post_attention_layernorm.weight")), dy: Numbers(a.dNormed),
      x: Numbers(room.middle.pointer), weight: weights.mlpNorm,
      inverseRMS: room.mlpInverse.pointer, n: n, d: d)

    let dOutput = unscaled(.output, dOut, layer, into: a.dUnscaled, n: n, room)
    back([(.output, dOutput)], layer, into: a.dAttention, n: n, a)
    learn([(.output, dOutput)], layer, x: room.attention, n: n, room, a)
    Kernels.attentionBackward(
      dq: Numbers(a.dQuery), dk: Numbers(a.dKey), dv: Numbers(a.dValue),
      do: Numbers(a.dAttention), o: Numbers(room.attention), logSum: room.logSum.pointer,
      q: Numbers(room.query), k: Numbers(room.key), v: Numbers(room.value), starts: batch.starts,
      shape: shape)
    Kernels.rope(
      Numbers(a.dQuery), table: rope, positions: batch.positions, n: n, heads: config.headCount,
      direction: -1)
    Kernels.rope(
      Numbers(a.dKey), table: rope, positions: batch.positions, n: n,
      heads: config.keyValueHeadCount, direction: -1)
    var (dQuery, dKey) = (a.dQuery, a.dKey)
    // What is spent gives room: dAttention for the raw queries' gradient, then dQuery for the keys'.
    if let rawQuery = room.rawQuery, let norm = weights.queryNorm {
      Kernels.rmsNormBackward(
        dx: Numbers(a.dAttention), accumulate: false,
        dw: weightGradient(name("self_attn.q_norm.weight")), dy: Numbers(a.dQuery),
        x: Numbers(rawQuery), weight: norm, inverseRMS: room.queryInverse.pointer,
        n: n * shape.heads, d: shape.channels)
      dQuery = a.dAttention
    }
    if let rawKey = room.rawKey, let norm = weights.keyNorm {
      Kernels.rmsNormBackward(
        dx: Numbers(a.dQuery), accumulate: false,
        dw: weightGradient(name("self_attn.k_norm.weight")), dy: Numbers(a.dKey),
        x: Numbers(rawKey), weight: norm, inverseRMS: room.keyInverse.pointer,
        n: n * shape.groups, d: shape.channels)
      dKey = a.dQuery
    }
    let heads = [(Projection.query, dQuery), (.key, dKey), (.value, a.dValue)].map {
      projection, dy in
      let gradient = Gradient(dy, columns: weights.projections[projection.index].rows)
      return (projection, unscaled(projection, gradient, layer, into: dy, n: n, room))
    }
    back(heads, layer, into: a.dNormed, n: n, a)
    learn(heads, layer, x: room.attentionInput, n: n, room, a)
    Kernels.rmsNormBackward(
      dx: Numbers(a.dStream.pointer), accumulate: true,
      dw: weightGradient(name("input_layernorm.weight")), dy: Numbers(a.dNormed),
      x: Numbers(room.input.pointer), weight: weights.attentionNorm,
      inverseRMS: room.attentionInverse.pointer, n: n, d: d)
  }

  /// The gradient of a projection's output, [n, out].
  private struct Gradient {
    let matrix: Matrix
    let numbers: Numbers

    init(matrix: Matrix, numbers: Numbers) {
      self.matrix = matrix
      self.numbers = numbers
    }

    init(_ buffer: NumberBuffer, columns: Int) {
      self.init(matrix: buffer.matrix(columns: columns), numbers: Numbers(buffer))
    }
  }

  /// The gradient of u where DoRA made y = m/‖W + scale·B·A‖ ⊙ u + bias: du = m/‖…‖ ⊙ dy; and
  /// dm += Σ dy ⊙ u / ‖…‖. The lengths count as constants (section 4.3 of the paper): their gradient
  /// takes memory, and is worth little.
  /// - Parameter du: where it goes; may be dy itself.
  private func unscaled(
    _ projection: Projection, _ dy: Gradient, _ layer: Int, into du: NumberBuffer, n: Int,
    _ room: LayerActivations
  ) -> Gradient {
    guard let place = adapter?.place(projection, layer: layer), let offset = place.magnitudes,
      let magnitudes = adapter?.magnitudes(projection, layer: layer)
    else { return dy }
    let rows = projection.shape(config).out
    if training == .adapter {
      Kernels.addColumnDots(
        of: dy.numbers, Numbers(room.unscaled[projection.index]), scale: magnitudes.inverseNorms,
        n: n, d: rows, to: gradient.pointer + offset)
    }
    Kernels.scaleColumns(
      into: Numbers(du), dy.numbers, scale: magnitudes.scales, n: n, d: rows)
    return Gradient(du, columns: rows)
  }

  /// dx = Σ dy·W + dLow·A over projections that read the same x, dLow = scale · dy·B.
  private func back(
    _ projections: [(Projection, Gradient)], _ layer: Int, into dx: NumberBuffer, n: Int,
    _ a: Activations
  ) {
    let weights = model.layers[layer].projections
    let columns = weights[projections[0].0.index].columns
    var terms: [Term] = []
    var masked: [(projection: Projection, term: Term)] = []
    for (projection, dy) in projections {
      let weight = weights[projection.index]
      terms.append(Term(dy.matrix, weight.matrix, k: weight.rows))
      guard let adapter, let place = adapter.place(projection, layer: layer) else { continue }
      let rank = adapter.config.rank
      let dLow = a.dLowRank[projection.index]
      let b = Matrix(adapter.weights.pointer + place.b, stride: rank)
      Kernels.product(
        [Term(dy.matrix, b, k: weight.rows)], m: n, n: rank, precision: precision,
        into: dLow.pointer, type: dLow.type)
      Kernels.scale(Numbers(dLow), by: Float(adapter.config.scale), count: n * rank)
      let factor = Matrix(adapter.weights.pointer + place.a, stride: columns)
      let term = Term(dLow.matrix(columns: rank), factor, k: rank)
      if dropout == nil { terms.append(term) } else { masked.append((projection, term)) }
    }
    Kernels.product(
      terms, m: n, n: columns, precision: precision, into: dx.pointer, type: dx.type)
    // What dropout held back from A does not come back through it.
    guard let p = dropout, let room = a.dropped.first else { return }
    for (projection, term) in masked {
      Kernels.product(
        [term], m: n, n: columns, precision: precision, into: room.pointer, type: room.type)
      Kernels.dropout(
        into: Numbers(room), Numbers(room), p: p, seed: seed(projection, layer),
        count: n * columns)
      Kernels.add(Numbers(room), to: Numbers(dx), count: n * columns)
    }
  }

  /// Adds the gradients of what is trained in projections that read the same x.
  private func learn(
    _ projections: [(Projection, Gradient)], _ layer: Int, x: NumberBuffer, n: Int,
    _ room: LayerActivations, _ a: Activations
  ) {
    let weights = model.layers[layer].projections
    for (projection, dy) in projections {
      let weight = weights[projection.index]
      let path = projection.path(layer: layer)
      let input = x.matrix(columns: weight.columns)
      // dW [out, in] += dyᵀ·x.
      if let dw = weightGradient(path + ".weight") {
        Kernels.product(
          [Term(dy.matrix.transposed, input, k: n)], m: weight.rows, n: weight.columns,
          precision: precision, into: dw, accumulate: true)
        if model.layers[layer].biases[projection.index] != nil,
          let dBias = weightGradient(path + ".bias")
        {
          Kernels.biasBackward(dbias: dBias, dx: dy.numbers, n: n, d: weight.rows)
        }
      }
      guard training == .adapter, let adapter,
        let place = adapter.place(projection, layer: layer)
      else { continue }
      let rank = adapter.config.rank
      // dA [rank, in] += dLowᵀ·dropout(x).
      let source = dropped(
        x, projection, layer, count: n * weight.columns, into: a.dropped.first)
      let dLow = a.dLowRank[projection.index].matrix(columns: rank)
      Kernels.product(
        [Term(dLow.transposed, source.matrix(columns: weight.columns), k: n)], m: rank,
        n: weight.columns, precision: precision, into: gradient.pointer + place.a,
        accumulate: true)
      // dB [out, rank] += dyᵀ·low, as the transpose of lowᵀ·dy: few rows of many columns are
      // multiplied faster than many rows of few.
      if turned.count < rank * weight.rows { turned = FloatBuffer(count: rank * weight.rows) }
      let low = room.lowRank[projection.index].matrix(columns: rank)
      Kernels.product(
        [Term(low.transposed, dy.matrix, k: n)], m: rank, n: weight.rows, precision: precision,
        into: turned.pointer)
      Kernels.addTransposed(
        turned.pointer, rows: rank, columns: weight.rows, to: gradient.pointer + place.b)
    }
  }

  private func weightGradient(_ name: String) -> MutableFloats? {
    training == .everything ? gradient.pointer + model.layout.offset(name) : nil
  }
}
