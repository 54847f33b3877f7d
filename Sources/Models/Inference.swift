import Formats
import Kernels

/// Computes what is needed to continue sequences: one model, and for each sequence a cache and an
/// adapter of its own.
///
/// Two passes: `prefill` reads prompts, many tokens of each at once; `decode` reads one more token
/// of each. A row's numbers are the same, to the bit, whichever rows are computed beside it, and
/// however its prompt was cut: every sum is taken along its own row in an order of its own.
///
/// One object belongs to one thread of control; the kernels share its work.
final class Inference {
  let model: LanguageModel
  private let config: ModelConfig
  private var rope: RopeTable?
  private var room: InferenceRoom
  private let operandRoom = OperandRoom()

  init(_ model: LanguageModel) {
    self.model = model
    config = model.config
    room = InferenceRoom(rows: 0, config: model.config)
  }

  /// Reads the next tokens of sequences' prompts.
  func prefill(_ pieces: [(sequence: TokenSequence, tokens: ArraySlice<Int32>)]) {
    var rows = Rows(isPrompt: true)
    for piece in pieces.sorted(by: { Self.order($0.sequence, $1.sequence) }) {
      rows.add(piece.sequence, piece.tokens)
    }
    pass(rows)
    places = [:]
    for piece in pieces {
      piece.sequence.tokens += piece.tokens
      piece.sequence.promptCount += piece.tokens.count
      places[ObjectIdentifier(piece.sequence)] = rows.place(of: piece.sequence)
    }
  }

  /// Reads one more token of each sequence.
  /// - Returns: the logits behind them, [sequences, vocabulary].
  func decode(_ tokens: [Int32], of sequences: [TokenSequence]) -> FloatBuffer {
    let order = sequences.indices.sorted { Self.order(sequences[$0], sequences[$1]) }
    var rows = Rows(isPrompt: false)
    for i in order { rows.add(sequences[i], tokens[i...i]) }
    pass(rows)
    for (i, sequence) in sequences.enumerated() { sequence.tokens.append(tokens[i]) }
    var row = [Int](repeating: 0, count: order.count)
    for (place, i) in order.enumerated() { row[i] = place }
    return logits(rows: row)
  }

  /// The logits behind tokens that the last `prefill` read, [tokens, vocabulary].
  /// - Parameter tokens: places among those of this sequence.
  func logits(of sequence: TokenSequence, tokens: Range<Int>) -> FloatBuffer {
    let first = places[ObjectIdentifier(sequence)] ?? 0
    return logits(rows: tokens.map { first + $0 })
  }

  /// Where the rows of each sequence lie that the last `prefill` read.
  private var places: [ObjectIdentifier: Int] = [:]

  /// Sequences of one adapter lie side by side.
  private static func order(_ a: TokenSequence, _ b: TokenSequence) -> Bool {
    guard let adapter = b.adapter.map(ObjectIdentifier.init) else { return false }
    return a.adapter.map { ObjectIdentifier($0) < adapter } ?? true
  }

  private func logits(rows: [Int]) -> FloatBuffer {
    let d = config.hiddenSize
    let picked = FloatBuffer(count: rows.count * d)
    for (i, row) in rows.enumerated() {
      (picked.pointer + i * d).update(from: room.normed.pointer + row * d, count: d)
    }
    let logits = FloatBuffer(count: rows.count * config.vocabularySize)
    Operand(
      picked, rows: rows.count, columns: d, isPrompt: false, for: [model.output], in: operandRoom
    ).multiply(into: [Operand.Target(weight: model.output, y: logits.pointer)])
    return logits
  }

  // MARK: The pass

  /// Computes the rows' final hidden states into `room.normed`, and their keys and values into the
  /// caches.
  private func pass(_ rows: Rows) {
    let n = rows.count
    guard n > 0 else { return }
    let d = config.hiddenSize
    if room.capacity < n { room = InferenceRoom(rows: n, config: config) }
    room.makeLow(rows: n, rank: rows.runs.reduce(0) { max($0, $1.adapter.config.rank) })
    let rope = rope(positions: Int(rows.positions.max() ?? 0) + 1)
    let shape = AttentionShape(
      heads: config.headCount, groups: config.keyValueHeadCount, channels: config.headSize)
    Kernels.embed(
      into: room.stream.pointer, table: model.embedding.matrix, ids: rows.ids, n: n, d: d)
    for (layer, weights) in model.layers.enumerated() {
      norm(weights.attentionNorm, n)
      project(
        room.normed, columns: d, layer, rows,
        into: [(.query, room.query), (.key, room.key), (.value, room.value)])
      for (x, weight, heads) in [
        (room.query, weights.queryNorm, shape.heads), (room.key, weights.keyNorm, shape.groups),
      ] {
        let x = Numbers(x.pointer)
        if let weight {
          Kernels.rmsNorm(
            into: x, inverseRMS: nil, x, weight: weight, n: n * heads, d: shape.channels,
            epsilon: Float(config.normEpsilon))
        }
        Kernels.rope(x, table: rope, positions: rows.positions, n: n, heads: heads)
      }
      attend(layer, rows, shape)
      project(
        room.attention, columns: shape.heads * shape.channels, layer, rows,
        into: [(.output, room.stream)], add: true)
      norm(weights.mlpNorm, n)
      project(
        room.normed, columns: d, layer, rows, into: [(.gate, room.gate), (.up, room.up)])
      let gate = Numbers(room.gate.pointer)
      Kernels.swiglu(
        into: gate, gate: gate, up: Numbers(room.up.pointer), count: n * config.intermediateSize)
      project(
        room.gate, columns: config.intermediateSize, layer, rows, into: [(.down, room.stream)],
        add: true)
    }
    norm(model.norm, n)
    for (s, sequence) in rows.sequences.enumerated() { sequence.cache.length += rows.count(of: s) }
  }

  private func norm(_ weight: Floats, _ n: Int) {
    Kernels.rmsNorm(
      into: Numbers(room.normed.pointer), inverseRMS: nil, Numbers(room.stream.pointer),
      weight: weight, n: n, d: config.hiddenSize, epsilon: Float(config.normEpsilon))
  }

  private func attend(_ layer: Int, _ rows: Rows, _ shape: AttentionShape) {
    let width = shape.groups * shape.channels
    var lengths: [Int32] = []
    for (s, sequence) in rows.sequences.enumerated() {
      let first = Int(rows.starts[s])
      sequence.cache.append(
        layer: layer, keys: room.key.pointer + first * width,
        values: room.value.pointer + first * width, rows: rows.count(of: s))
      lengths.append(Int32(sequence.cache.length + rows.count(of: s)))
    }
    let keys = rows.sequences.map { Optional($0.cache.keys(layer)) }
    let values = rows.sequences.map { Optional($0.cache.values(layer)) }
    if rows.isPrompt {
      Kernels.attentionCached(
        into: room.attention.pointer, q: room.query.pointer, keys: keys, values: values,
        starts: rows.starts, lengths: lengths, shape: shape,
        precision: Operand.attentionPrecision(
          model.layers[layer].projections[Projection.query.index].type))
    } else {
      Kernels.attentionDecode(
        into: room.attention.pointer, q: room.query.pointer, keys: keys, values: values,
        lengths: lengths, shape: shape)
    }
  }

  /// y (+)= x·Wᵀ + bias for projections of a layer that read the same x, and for the rows of each
  /// adapter + scale · x·Aᵀ·Bᵀ; where an adapter has magnitudes, all but the bias is scaled first.
  private func project(
    _ x: FloatBuffer, columns k: Int, _ layer: Int, _ rows: Rows,
    into outputs: [(projection: Projection, y: FloatBuffer)], add: Bool = false
  ) {
    let weights = model.layers[layer]
    let isScaled = outputs.map { output in
      rows.runs.contains { $0.adapter.magnitudes(output.projection, layer: layer) != nil }
    }
    let widths = outputs.map { weights.projections[$0.projection.index].rows }
    room.makeUnscaled(zip(isScaled, widths).reduce(0) { $0 + ($1.0 ? rows.count * $1.1 : 0) })
    // What some rows scale goes to a place of its own first, that of all rows: weights are read once.
    var aside = room.unscaled.pointer
    var targets: [Operand.Target] = []
    for (place, output) in outputs.enumerated() {
      let weight = weights.projections[output.projection.index]
      if isScaled[place] {
        targets.append(Operand.Target(weight: weight, y: aside))
        aside += rows.count * widths[place]
      } else {
        targets.append(
          Operand.Target(
            weight: weight, y: output.y.pointer, bias: bias(output.projection, layer), add: add))
      }
    }
    Operand(
      x, rows: rows.count, columns: k, isPrompt: rows.isPrompt, for: targets.map(\.weight),
      in: operandRoom
    ).multiply(into: targets)
    for (place, output) in outputs.enumerated() {
      guard !isScaled[place] else {
        scale(
          targets[place].y, into: output.y.pointer, add: add, x, columns: k, output.projection,
          layer, rows)
        continue
      }
      for run in rows.runs {
        addLowRank(
          run.adapter, output.projection, layer, x, columns: k, run.rows, rows.isPrompt,
          to: output.y.pointer)
      }
    }
  }

  /// Finishes a projection from u = x·Wᵀ: each row gets the bits it would get without the others.
  private func scale(
    _ u: MutableFloats, into y: MutableFloats, add: Bool, _ x: FloatBuffer, columns k: Int,
    _ projection: Projection, _ layer: Int, _ rows: Rows
  ) {
    let d = projection.shape(config).out
    for (adapter, some) in rows.pieces {
      let first = some.lowerBound * d
      let magnitudes = adapter?.magnitudes(projection, layer: layer)
      func addLow(to target: MutableFloats) {
        guard let adapter else { return }
        addLowRank(
          adapter, projection, layer, x, columns: k, some, rows.isPrompt, to: target)
      }
      if magnitudes != nil { addLow(to: u) }
      Kernels.scaleColumns(
        into: Numbers(y + first), accumulate: add, Numbers(u + first), scale: magnitudes?.scales,
        bias: bias(projection, layer), n: some.count, d: d)
      if magnitudes == nil { addLow(to: y) }
    }
  }

  private func bias(_ projection: Projection, _ layer: Int) -> Floats? {
    model.layers[layer].biases[projection.index].map { Floats($0) }
  }

  /// y += scale · x·Aᵀ·Bᵀ for some rows, where the adapter changes the projection.
  private func addLowRank(
    _ adapter: Adapter, _ projection: Projection, _ layer: Int, _ x: FloatBuffer, columns k: Int,
    _ rows: Range<Int>, _ isPrompt: Bool, to y: MutableFloats
  ) {
    guard let place = adapter.place(projection, layer: layer) else { return }
    let rank = adapter.config.rank
    let (first, m, n) = (rows.lowerBound, rows.count, projection.shape(config).out)
    let factors = adapter.weights.pointer
    multiply(
      Floats(x.pointer) + first * k, Matrix(factors + place.a, stride: k), k: k, m,
      into: room.low.pointer, rank, isPrompt, scale: Float(adapter.config.scale))
    multiply(
      room.low.pointer, Matrix(factors + place.b, stride: rank), k: rank, m,
      into: y + first * n, n, isPrompt, add: true)
  }

  /// y[m, n] (+)= scale · x[m, k]·wᵀ for an adapter's factors: prompts by tiles, single tokens by dot
  /// products.
  private func multiply(
    _ x: Floats, _ w: Matrix, k: Int, _ m: Int, into y: MutableFloats, _ n: Int,
    _ isPrompt: Bool, scale: Float = 1, add: Bool = false
  ) {
    if isPrompt {
      Kernels.product(
        [Term(Matrix(x, stride: k), w.transposed, k: k)], m: m, n: n, precision: .f32, into: y,
        accumulate: add)
      if scale != 1 { Kernels.scale(Numbers(y), by: scale, count: m * n) }
    } else {
      Kernels.dots(
        [
          DotProduct(
            Matrix(x, stride: k), w, n: n, k: k, into: y, scale: scale, accumulate: add)
        ], m: m)
    }
  }

  private func rope(positions: Int) -> RopeTable {
    if let rope, rope.positions >= positions { return rope }
    var size = 256
    while size < positions { size *= 2 }
    let made = RopeTable(positions: size, frequencies: config.ropeFrequencies)
    rope = made
    return made
  }
}

/// Stores the rows of one pass: sequence by sequence, those of one adapter side by side.
private struct Rows {
  let isPrompt: Bool
  var ids: [Int32] = []
  /// Each row's place in its sequence.
  var positions: [Int32] = []
  var sequences: [TokenSequence] = []
  /// Rows of sequence s: `starts[s]..<starts[s + 1]`.
  var starts: [Int32] = [0]
  /// Rows that one adapter changes.
  var runs: [(adapter: Adapter, rows: Range<Int>)] = []

  init(isPrompt: Bool) { self.isPrompt = isPrompt }

  var count: Int { ids.count }

  func count(of s: Int) -> Int { Int(starts[s + 1] - starts[s]) }

  func place(of sequence: TokenSequence) -> Int {
    sequences.firstIndex { $0 === sequence }.map { Int(starts[$0]) } ?? 0
  }

  /// All rows, cut where the adapter changes.
  var pieces: [(adapter: Adapter?, rows: Range<Int>)] {
    var pieces: [(adapter: Adapter?, rows: Range<Int>)] = []
    var next = 0
    for run in runs {
      if next < run.rows.lowerBound { pieces.append((nil, next..<run.rows.lowerBound)) }
      pieces.append((run.adapter, run.rows))
      next = run.rows.upperBound
    }
    if next < count { pieces.append((nil, next..<count)) }
    return pieces
  }

  mutating func add(_ sequence: TokenSequence, _ tokens: ArraySlice<Int32>) {
    let first = ids.count
    ids += tokens
    let length = Int32(sequence.cache.length)
    positions += (0..<Int32(tokens.count)).map { length + $0 }
    sequences.append(sequence)
    starts.append(Int32(ids.count))
    guard let adapter = sequence.adapter else { return }
    if let last = runs.last, last.adapter === adapter, last.rows.upperBound == first {
      runs[runs.count - 1].rows = last.rows.lowerBound..<ids.count
    } else {
      runs.append((adapter, first..<ids.count))
    }
  }
}

/// Stores what a pass over rows computes, f32.
private final class InferenceRoom {
  let capacity: Int
  /// [n, d].
  let stream, normed: FloatBuffer
  /// [n, heads·c] and [n, groups·c].
  let query, attention, key, value: FloatBuffer
  /// [n, intermediate].
  let gate, up: FloatBuffer
  /// [n, rank] of one adapter.
  private(set) var low = FloatBuffer(count: 0)
  /// Results of projections of the same x before an adapter's magnitudes scale them, [n, out] each.
  private(set) var unscaled = FloatBuffer(count: 0)

  init(rows n: Int, config: ModelConfig) {
    capacity = n
    let queries = config.headCount * config.headSize
    let keys = config.keyValueHeadCount * config.headSize
    stream = FloatBuffer(count: n * config.hiddenSize)
    normed = FloatBuffer(count: n * config.hiddenSize)
    query = FloatBuffer(count: n * queries)
    attention = FloatBuffer(count: n * queries)
    key = FloatBuffer(count: n * keys)
    value = FloatBuffer(count: n * keys)
    gate = FloatBuffer(count: n * config.intermediateSize)
    up = FloatBuffer(count: n * config.intermediateSize)
  }

  func makeLow(rows: Int, rank: Int) {
    if low.count < rows * rank { low = FloatBuffer(count: rows * rank) }
  }

  func makeUnscaled(_ count: Int) {
    if unscaled.count < count { unscaled = FloatBuffer(count: count) }
  }
}
