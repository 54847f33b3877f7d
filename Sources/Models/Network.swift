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
  var logits = FloatBuffer(count: 0)
  var rows = FloatBuffer(count: 0)
  var dRows = FloatBuffer(count: 0)

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

  func hasBias(_ projection: Projection) -> Bool {
    switch projection {
    case .query, .key, .value: config.queryKeyValueBias
    case .output: config.outputBias
    default: false
    }
  }

  /// x itself, or x with elements dropped while an adapter trains with dropout.
  func dropped(
    _ x: Floats, _ projection: Projection, _ layer: Int, count: Int
  ) -> Floats {
    guard let p = dropout, let room = activations?.dropped.pointer else { return x }
    Kernels.dropout(into: room, x, p: p, seed: seed(projection, layer), count: count)
    return Floats(room)
  }

  var dropout: Float? {
    guard training == .adapter, let p = adapter?.config.dropout, p > 0 else { return nil }
    return Float(p)
  }

  func seed(_ projection: Projection, _ layer: Int) -> UInt64 {
    dropoutSeed &+ UInt64(layer * Projection.allCases.count + projection.index + 1) << 40
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
