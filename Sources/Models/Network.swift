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

  public let model: LanguageModel
  public let adapter: Adapter?
  public let training: Training
  /// What operands of products are rounded to.
  public let precision: Precision
  /// Whether layers are computed again on the way back instead of being kept.
  public let recompute: Bool
  /// Gradients in the layout of what is trained.
  public let gradient: FloatBuffer
  /// Which elements dropout drops depends on this number; set anew each step.
  public var dropoutSeed: UInt64 = 0

  let config: ModelConfig
  private var rope: RopeTable?
  /// Room for passes with a way back, and for those without.
  private var trainingRoom: Activations?
  private var passingRoom: Activations?
  /// Reads one token of each sequence after the other where texts are continued.
  lazy var inference = Inference(model)
  var head = HeadRoom()
  /// Sees what each projection reads, [n, columns], before it is multiplied.
  var watch: ((_ projection: Projection, _ layer: Int, _ x: NumberBuffer, _ n: Int) -> Void)?
  /// A product [rank, out] before it is added to the gradient of B [out, rank].
  var turned = FloatBuffer(count: 0)

  public init(
    _ model: LanguageModel, adapter: Adapter? = nil, training: Training = .nothing,
    precision: Precision = .f32, recompute: Bool = false
  ) {
    self.model = model
    self.adapter = adapter
    self.training = training
    self.precision = precision
    self.recompute = recompute
    config = model.config
    gradient =
      switch training {
      case .nothing: FloatBuffer(count: 0)
      case .adapter: FloatBuffer(count: adapter?.layout.count ?? 0)
      case .everything: FloatBuffer(count: model.layout.count)
      }
    precondition(
      training != .everything || model.weights.count == model.layout.count,
      "full training needs a trainable model")
    precondition(
      adapter?.fits(model) ?? true, "the adapter's magnitudes belong to another model")
    precondition(
      training != .everything || adapter?.config.weightDecomposed != true,
      "what magnitudes scale is not trained whole")
  }

  /// Activations with room for n tokens, with the way back or without.
  func room(for n: Int, back: Bool) -> Activations {
    let held = back ? trainingRoom : passingRoom
    if let held, held.capacity >= n { return held }
    // The smaller one goes before the larger one comes.
    if back { trainingRoom = nil } else { passingRoom = nil }
    let made = Activations(
      tokens: n, config: config, adapter: adapter?.config, training: back,
      recompute: recompute, precision: precision)
    if back { trainingRoom = made } else { passingRoom = made }
    return made
  }

  /// The rotations of at least as many positions as a batch has; made for more as they are needed.
  func rope(positions: Int) -> RopeTable {
    if let rope, rope.positions >= positions { return rope }
    var size = 256
    while size < positions { size *= 2 }
    let made = RopeTable(positions: size, frequencies: config.ropeFrequencies)
    rope = made
    return made
  }

  /// Computes the final hidden states of a batch, [n, d].
  /// - Parameters:
  ///   - back: whether the way back will follow.
  ///   - keep: called after each layer with its keys and values, [n, groups·c].
  func forward(
    _ batch: Batch, back: Bool,
    keep: ((_ layer: Int, _ keys: NumberBuffer, _ values: NumberBuffer) -> Void)? = nil
  ) -> Activations {
    // What is being trained may have changed since the last pass.
    if training == .adapter { adapter?.measure() }
    let n = batch.count
    let a = room(for: n, back: back)
    let d = config.hiddenSize
    let rope = rope(positions: batch.longest)
    Kernels.embed(
      into: a.layers[0].input.pointer, table: model.embedding.matrix, ids: batch.ids, n: n, d: d)
    for layer in 0..<config.layerCount {
      let room = a.layers[layer % a.layers.count]
      if !a.inputs.isEmpty {
        a.inputs[layer].pointer.update(from: room.input.pointer, count: n * d)
      }
      let next =
        layer + 1 < config.layerCount
        ? a.layers[(layer + 1) % a.layers.count].input : a.output
      forward(layer: layer, batch: batch, rope: rope, room: room, next: next.pointer, a)
      keep?(layer, room.key, room.value)
    }
    Kernels.rmsNorm(
      into: Numbers(a.hidden), inverseRMS: a.outputInverse.pointer, Numbers(a.output.pointer),
      weight: model.norm, n: n, d: d, epsilon: Float(config.normEpsilon))
    return a
  }

  /// Computes one layer from `room.input`.
  /// - Parameter next: where its output goes; nil if only what the way back needs is wanted.
  func forward(
    layer: Int, batch: Batch, rope: RopeTable, room: LayerActivations, next: MutableFloats?,
    _ a: Activations
  ) {
    let n = batch.count
    let d = config.hiddenSize
    let epsilon = Float(config.normEpsilon)
    let weights = model.layers[layer]
    let shape = AttentionShape(
      heads: config.headCount, groups: config.keyValueHeadCount, channels: config.headSize)

    Kernels.rmsNorm(
      into: Numbers(room.attentionInput), inverseRMS: room.attentionInverse.pointer,
      Numbers(room.input.pointer), weight: weights.attentionNorm, n: n, d: d, epsilon: epsilon)
    let x = room.attentionInput
    project(.query, layer, x, into: Numbers(room.rawQuery ?? room.query), n: n, room, a)
    project(.key, layer, x, into: Numbers(room.rawKey ?? room.key), n: n, room, a)
    if let rawQuery = room.rawQuery, let norm = weights.queryNorm {
      Kernels.rmsNorm(
        into: Numbers(room.query), inverseRMS: room.queryInverse.pointer, Numbers(rawQuery),
        weight: norm, n: n * shape.heads, d: shape.channels, epsilon: epsilon)
    }
    if let rawKey = room.rawKey, let norm = weights.keyNorm {
      Kernels.rmsNorm(
        into: Numbers(room.key), inverseRMS: room.keyInverse.pointer, Numbers(rawKey),
        weight: norm, n: n * shape.groups, d: shape.channels, epsilon: epsilon)
    }
    project(.value, layer, x, into: Numbers(room.value), n: n, room, a)
    Kernels.rope(
      Numbers(room.query), table: rope, positions: batch.positions, n: n, heads: config.headCount)
    Kernels.rope(
      Numbers(room.key), table: rope, positions: batch.positions, n: n,
      heads: config.keyValueHeadCount)
    Kernels.attention(
      into: Numbers(room.attention), logSum: room.logSum.pointer, q: Numbers(room.query),
      k: Numbers(room.key), v: Numbers(room.value), starts: batch.starts, shape: shape)
    // middle = input + o_proj(attention), next = middle + down_proj(...): products add to a copy.
    room.middle.pointer.update(from: room.input.pointer, count: n * d)
    let middle = Numbers(room.middle.pointer)
    project(.output, layer, room.attention, into: middle, add: true, n: n, room, a)
    Kernels.rmsNorm(
      into: Numbers(room.mlpInput), inverseRMS: room.mlpInverse.pointer,
      Numbers(room.middle.pointer), weight: weights.mlpNorm, n: n, d: d, epsilon: epsilon)
    project(.gate, layer, room.mlpInput, into: Numbers(room.gate), n: n, room, a)
    project(.up, layer, room.mlpInput, into: Numbers(room.up), n: n, room, a)
    let adaptsDown = adapter?.place(.down, layer: layer) != nil
    guard next != nil || adaptsDown else { return }
    Kernels.swiglu(
      into: Numbers(a.gated), gate: Numbers(room.gate), up: Numbers(room.up),
      count: n * config.intermediateSize)
    guard let next else {
      let terms = terms(.down, layer, a.gated, n: n, room, a)
      if adapter?.magnitudes(.down, layer: layer) != nil { keepUnscaled(.down, terms, n: n, room) }
      return
    }
    next.update(from: room.middle.pointer, count: n * d)
    project(.down, layer, a.gated, into: Numbers(next), add: true, n: n, room, a)
  }

  /// y (+)= x·Wᵀ + scale · dropout(x)·Aᵀ·Bᵀ + bias; with DoRA, all but the bias is scaled first.
  private func project(
    _ projection: Projection, _ layer: Int, _ x: NumberBuffer, into y: Numbers, add: Bool = false,
    n: Int, _ room: LayerActivations, _ a: Activations
  ) {
    let rows = model.layers[layer].projections[projection.index].rows
    let bias = model.layers[layer].biases[projection.index].map { Floats($0) }
    let terms = terms(projection, layer, x, n: n, room, a)
    guard let magnitudes = adapter?.magnitudes(projection, layer: layer) else {
      Kernels.product(
        terms, m: n, n: rows, precision: precision, into: y.pointer, type: y.type, accumulate: add,
        bias: bias)
      return
    }
    let unscaled = keepUnscaled(projection, terms, n: n, room)
    Kernels.scaleColumns(
      into: y, accumulate: add, unscaled, scale: magnitudes.scales, bias: bias, n: n, d: rows)
  }

  /// The sum of a projection's products, kept for the way back.
  @discardableResult
  private func keepUnscaled(
    _ projection: Projection, _ terms: [Term], n: Int, _ room: LayerActivations
  ) -> Numbers {
    let unscaled = room.unscaled[projection.index]
    Kernels.product(
      terms, m: n, n: projection.shape(config).out, precision: precision, into: unscaled.pointer,
      type: unscaled.type)
    return Numbers(unscaled)
  }

  /// The products that a projection's result is the sum of.
  private func terms(
    _ projection: Projection, _ layer: Int, _ x: NumberBuffer, n: Int, _ room: LayerActivations,
    _ a: Activations
  ) -> [Term] {
    let weight = model.layers[layer].projections[projection.index]
    watch?(projection, layer, x, n)
    var terms = [Term(x.matrix(columns: weight.columns), weight.transposed, k: weight.columns)]
    if let adapter, let place = adapter.place(projection, layer: layer) {
      lowRank(projection, layer, x, n: n, room, a)
      let rank = adapter.config.rank
      let b = Matrix(adapter.weights.pointer + place.b, stride: rank)
      terms.append(
        Term(room.lowRank[projection.index].matrix(columns: rank), b.transposed, k: rank))
    }
    return terms
  }

  /// scale · dropout(x)·Aᵀ, kept for the way back.
  private func lowRank(
    _ projection: Projection, _ layer: Int, _ x: NumberBuffer, n: Int, _ room: LayerActivations,
    _ a: Activations
  ) {
    guard let adapter, let place = adapter.place(projection, layer: layer) else { return }
    let columns = model.layers[layer].projections[projection.index].columns
    let rank = adapter.config.rank
    let low = room.lowRank[projection.index]
    let source = dropped(x, projection, layer, count: n * columns, into: a.dropped.first)
    let factor = Matrix(adapter.weights.pointer + place.a, stride: columns)
    Kernels.product(
      [Term(source.matrix(columns: columns), factor.transposed, k: columns)], m: n, n: rank,
      precision: precision, into: low.pointer, type: low.type)
    Kernels.scale(Numbers(low), by: Float(adapter.config.scale), count: n * rank)
  }

  /// x itself, or x with elements dropped while an adapter trains with dropout.
  func dropped(
    _ x: NumberBuffer, _ projection: Projection, _ layer: Int, count: Int,
    into room: NumberBuffer?
  ) -> NumberBuffer {
    guard let p = dropout, let room else { return x }
    Kernels.dropout(
      into: Numbers(room), Numbers(x), p: p, seed: seed(projection, layer), count: count)
    return room
  }

  var dropout: Float? {
    guard training == .adapter, let p = adapter?.config.dropout, p > 0 else { return nil }
    return Float(p)
  }

  func seed(_ projection: Projection, _ layer: Int) -> UInt64 {
    dropoutSeed &+ UInt64(layer * Projection.allCases.count + projection.index + 1) << 40
  }
}
