import Formats
public import Kernels

/// Computes a model's passes over batches: forward, loss, and backward where it trains.
///
/// The layers follow Touvron et al. 2023 (Llama): pre-norm, rotary positions, grouped-query
/// attention (Ainslie et al. 2023), SwiGLU (Shazeer 2020). One network belongs to one thread of
/// control; the kernels share its work.
public final class Network {
  /// What is trained.
  public enum Training: Sendable {
    case nothing, adapter, everything
  }

  public let packed: PackedModel
  public let adapter: Adapter?
  public let training: Training
  /// Gradients in the layout of what is trained.
  public let gradient: FloatBuffer
  /// Which elements dropout drops depends on this number; set anew each step.
  public var dropoutSeed: UInt64 = 0

  let config: ModelConfig
  let rope: RopeTable
  let space = PackingSpace()
  var activations: Activations?
  private var logits = FloatBuffer(count: 0)
  private var rows = FloatBuffer(count: 0)
  private var dRows = FloatBuffer(count: 0)

  public var model: LanguageModel { packed.model }

  public init(_ packed: PackedModel, adapter: Adapter? = nil, training: Training = .nothing) {
    self.packed = packed
    self.adapter = adapter
    self.training = training
    config = packed.model.config
    rope = RopeTable(
      positions: config.maximumPositions, channels: config.headSize, theta: config.ropeTheta)
    gradient =
      switch training {
      case .nothing: FloatBuffer(count: 0)
      case .adapter: FloatBuffer(count: adapter?.layout.count ?? 0)
      case .everything: FloatBuffer(count: packed.model.layout.count)
      }
  }

  /// Activations with room for n tokens.
  func room(for n: Int) -> Activations {
    if let activations, activations.capacity >= n { return activations }
    let made = Activations(
      tokens: n, config: config, adapter: adapter?.config, training: training != .nothing)
    activations = made
    return made
  }

  // MARK: Forward

  /// Computes the final hidden states of a batch, [n, d].
  /// - Parameter keep: called after each layer with its keys and values, [n, groups·c].
  func forward(
    _ batch: Batch, keep: ((_ layer: Int, _ keys: Floats, _ values: Floats) -> Void)? = nil
  ) -> Activations {
    let n = batch.count
    let a = room(for: n)
    let d = config.hiddenSize
    Kernels.embed(
      into: a.layers[0].input.pointer, table: model.pointer("model.embed_tokens.weight"),
      ids: batch.ids, n: n, d: d)
    for layer in 0..<config.layerCount {
      let room = a.layers[layer % a.layers.count]
      let next =
        layer + 1 < config.layerCount
        ? a.layers[(layer + 1) % a.layers.count].input : a.output
      forward(layer: layer, batch: batch, room: room, next: next.pointer, a)
      keep?(layer, room.key.pointer, room.value.pointer)
    }
    Kernels.rmsNorm(
      into: a.hidden.pointer, inverseRMS: a.outputInverse.pointer, a.output.pointer,
      weight: model.pointer("model.norm.weight"), n: n, d: d, epsilon: Float(config.normEpsilon))
    return a
  }

  private func forward(
    layer: Int, batch: Batch, room: LayerActivations, next: MutableFloats, _ a: Activations
  ) {
    let n = batch.count
    let d = config.hiddenSize
    let epsilon = Float(config.normEpsilon)
    let shape = AttentionShape(
      heads: config.headCount, groups: config.keyValueHeadCount, channels: config.headSize)
    func norm(_ name: String) -> Floats { Floats(model.pointer("model.layers.\(layer).\(name)")) }

    Kernels.rmsNorm(
      into: room.attentionInput.pointer, inverseRMS: room.attentionInverse.pointer,
      room.input.pointer, weight: norm("input_layernorm.weight"), n: n, d: d, epsilon: epsilon)
    let x = room.attentionInput.pointer
    project(.query, layer, x, into: room.query.pointer, n: n, room)
    project(.key, layer, x, into: room.key.pointer, n: n, room)
    project(.value, layer, x, into: room.value.pointer, n: n, room)
    Kernels.rope(
      room.query.pointer, table: rope, positions: batch.positions, n: n, heads: config.headCount)
    Kernels.rope(
      room.key.pointer, table: rope, positions: batch.positions, n: n,
      heads: config.keyValueHeadCount)
    Kernels.attention(
      into: room.attention.pointer, logSum: room.logSum.pointer, q: room.query.pointer,
      k: room.key.pointer, v: room.value.pointer, starts: batch.starts, shape: shape)
    // middle = input + o_proj(attention), next = middle + down_proj(...): products add to a copy.
    room.middle.pointer.update(from: room.input.pointer, count: n * d)
    project(
      .output, layer, room.attention.pointer, into: room.middle.pointer, n: n, room,
      accumulate: true)
    Kernels.rmsNorm(
      into: room.mlpInput.pointer, inverseRMS: room.mlpInverse.pointer, room.middle.pointer,
      weight: norm("post_attention_layernorm.weight"), n: n, d: d, epsilon: epsilon)
    project(.gate, layer, room.mlpInput.pointer, into: room.gate.pointer, n: n, room)
    project(.up, layer, room.mlpInput.pointer, into: room.up.pointer, n: n, room)
    Kernels.swiglu(
      into: room.gated.pointer, gate: room.gate.pointer, up: room.up.pointer,
      count: n * config.intermediateSize)
    next.update(from: room.middle.pointer, count: n * d)
    project(.down, layer, room.gated.pointer, into: next, n: n, room, accumulate: true)
  }

  /// y (+)= x·Wᵀ + bias + scale · dropout(x)·Aᵀ·Bᵀ.
  func project(
    _ projection: Projection, _ layer: Int, _ x: Floats, into y: MutableFloats, n: Int,
    _ room: LayerActivations, accumulate: Bool = false
  ) {
    let pair = packed.layers[layer][projection.index]
    pair.forward.multiply(x, rows: n, rowStride: pair.columns, into: y, accumulate: accumulate)
    if hasBias(projection) {
      Kernels.addBias(
        y, bias: model.pointer(projection.path(layer: layer) + ".bias"), n: n, d: pair.out)
    }
    guard let adapter, let offsets = adapter.offsets(projection, layer: layer) else { return }
    let rank = adapter.config.rank
    let low = room.lowRank[projection.index].pointer
    let source = dropped(x, projection, layer, count: n * pair.columns)
    space.multiply(
      source, rows: n, rowStride: pair.columns, by: adapter.weights.pointer + offsets.a,
      k: pair.columns, n: rank, bRowStride: 1, bColumnStride: pair.columns, into: low)
    Kernels.scale(low, by: Float(adapter.config.scale), count: n * rank)
    space.multiply(
      low, rows: n, rowStride: rank, by: adapter.weights.pointer + offsets.b, k: rank, n: pair.out,
      bRowStride: 1, bColumnStride: rank, into: y, accumulate: true)
  }

  private func hasBias(_ projection: Projection) -> Bool {
    switch projection {
    case .query, .key, .value: config.queryKeyValueBias
    case .output: config.outputBias
    default: false
    }
  }

  /// x itself, or x with elements dropped while an adapter trains with dropout.
  private func dropped(
    _ x: Floats, _ projection: Projection, _ layer: Int, count: Int
  ) -> Floats {
    guard let p = dropout, let room = activations?.dropped.pointer else { return x }
    Kernels.dropout(into: room, x, p: p, seed: seed(projection, layer), count: count)
    return Floats(room)
  }

  private var dropout: Float? {
    guard training == .adapter, let p = adapter?.config.dropout, p > 0 else { return nil }
    return Float(p)
  }

  private func seed(_ projection: Projection, _ layer: Int) -> UInt64 {
    dropoutSeed &+ UInt64(layer * Projection.allCases.count + projection.index + 1) << 40
  }

  // MARK: Loss

  /// Rows whose logits are computed at a time, so that no [n, vocabulary] matrix exists.
  static let logitRows = 256

  /// Computes the sum of −log p over the batch's loss rows, without gradients.
  public func loss(_ batch: Batch) -> Double {
    losses(batch).reduce(0) { $0 + Double($1) }
  }

  /// −log p of each loss row's target, in order.
  public func losses(_ batch: Batch) -> [Float] {
    guard batch.count > 0 else { return [] }
    let a = forward(batch)
    return head(batch, a, scale: 0, back: false)
  }

  /// The logits of chosen rows, [rows, vocabulary].
  public func logits(_ batch: Batch, rows chosen: [Int]) -> [Float] {
    let a = forward(batch)
    let d = config.hiddenSize
    let v = config.vocabularySize
    let picked = FloatBuffer(count: chosen.count * d)
    for (i, row) in chosen.enumerated() {
      (picked.pointer + i * d).update(from: a.hidden.pointer + row * d, count: d)
    }
    let result = FloatBuffer(count: chosen.count * v)
    packed.head.forward.multiply(
      picked.pointer, rows: chosen.count, rowStride: d, into: result.pointer)
    return result.floats
  }

  /// Adds the gradient of scale · Σ −log p to `gradient`.
  /// - Returns: Σ −log p.
  public func lossAndGradient(_ batch: Batch, scale: Float) -> Double {
    guard batch.count > 0 else { return 0 }
    let a = forward(batch)
    let losses = head(batch, a, scale: scale, back: true)
    backward(batch, a)
    return losses.reduce(0) { $0 + Double($1) }
  }

  /// Goes through the output matrix for the rows that carry loss. With `back`, leaves the gradient
  /// of the normed hidden states in `dNormed`.
  private func head(_ batch: Batch, _ a: Activations, scale: Float, back: Bool) -> [Float] {
    let d = config.hiddenSize
    let v = config.vocabularySize
    let chunk = Self.logitRows
    if logits.count < chunk * v { logits = FloatBuffer(count: chunk * v) }
    if rows.count < chunk * d {
      rows = FloatBuffer(count: chunk * d)
      dRows = FloatBuffer(count: chunk * d)
    }
    if back { a.dNormed.pointer.update(repeating: 0, count: batch.count * d) }
    var losses = [Float](repeating: 0, count: batch.lossRows.count)
    var first = 0
    while first < batch.lossRows.count {
      let count = min(chunk, batch.lossRows.count - first)
      for i in 0..<count {
        (rows.pointer + i * d).update(
          from: a.hidden.pointer + Int(batch.lossRows[first + i]) * d, count: d)
      }
      packed.head.forward.multiply(rows.pointer, rows: count, rowStride: d, into: logits.pointer)
      losses.withUnsafeMutableBufferPointer { all in
        batch.targets.withUnsafeBufferPointer { targets in
          guard let out = all.baseAddress, let wanted = targets.baseAddress else { return }
          Kernels.crossEntropy(
            logits: logits.pointer, losses: out + first, targets: wanted + first, n: count, v: v,
            scale: back ? scale : 0)
        }
      }
      if back {
        packed.head.backward?.multiply(
          logits.pointer, rows: count, rowStride: v, into: dRows.pointer)
        for i in 0..<count {
          (a.dNormed.pointer + Int(batch.lossRows[first + i]) * d).update(
            from: dRows.pointer + i * d, count: d)
        }
        if training == .everything {
          let name = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
          space.multiply(
            logits.pointer, rows: v, rowStride: 1, columnStride: v, by: rows.pointer, k: count,
            n: d, bRowStride: d, into: gradient.pointer + model.layout.offset(name),
            accumulate: true)
        }
      }
      first += count
    }
    return losses
  }

  // MARK: Backward

  private func weightGradient(_ name: String) -> MutableFloats? {
    training == .everything ? gradient.pointer + model.layout.offset(name) : nil
  }

  /// Goes back through all layers from `dNormed`.
  private func backward(_ batch: Batch, _ a: Activations) {
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

extension Projection {
  /// Its place in `allCases`.
  var index: Int {
    switch self {
    case .query: 0
    case .key: 1
    case .value: 2
    case .output: 3
    case .gate: 4
    case .up: 5
    case .down: 6
    }
  }
}
