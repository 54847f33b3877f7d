public import Formats
public import Kernels

/// Stores the weights of a Llama-like model.
///
/// A frozen model's matrices stay where they lie in their file, in the type they have there: nothing
/// is copied, and processes that use the same file share its memory. A model to be trained whole has
/// all weights in one run of floats.
///
/// Sendable because nothing writes to the weights once it is made, except full training, which owns
/// its model alone.
public final class LanguageModel: @unchecked Sendable {
  /// How matrices are held.
  public enum Holding: Sendable, Equatable {
    /// As they lie in the file.
    case asStored
    /// All weights as f32 in one run, to be trained.
    case trainable
    /// Rounded to a type that takes less memory.
    case rounded(NumberType)
  }

  public let config: ModelConfig
  public let layout: ParameterLayout
  /// All weights in the order of `layout` if the model is trainable; else empty.
  public let weights: FloatBuffer
  let layers: [LayerWeights]
  /// [vocabulary, hidden]; the output matrix is the same where tied.
  let embedding: Weight
  let output: Weight
  /// Weight of the final norm, [hidden].
  let norm: MutableFloats
  /// Norms and biases, in the order of `layout`, where the model is not trainable.
  private let vectors: FloatBuffer
  private let places: [String: Int]

  /// Reads the weights from a file of any format.
  /// - Throws: `FormatError` if a tensor is missing or of the wrong shape.
  public convenience init(
    config: ModelConfig, source: some TensorSource, holding: Holding = .asStored
  ) throws(FormatError) {
    try config.check(source)
    let layout = ParameterLayout(config.tensors.map { ($0.name, $0.shape) })
    func floats(_ entry: ParameterLayout.Entry) throws(FormatError) -> [Float] {
      let floats = try source.floats(of: entry.name)
      guard floats.count == entry.count else {
        throw .wrongShape(tensor: entry.name, expected: entry.shape, found: [floats.count])
      }
      return floats
    }
    if holding == .trainable {
      let weights = FloatBuffer(count: layout.count)
      for entry in layout.entries {
        guard entry.shape.count == 2 else {
          weights.write(try floats(entry), at: entry.offset)
          continue
        }
        for run in RowRuns.of(rows: entry.shape[0], columns: entry.shape[1]) {
          weights.write(
            try source.floats(of: entry.name, rows: run),
            at: entry.offset + run.lowerBound * entry.shape[1])
        }
      }
      self.init(config: config, weights: weights)
      return
    }
    var matrices: [String: Weight] = [:]
    let vectors = FloatBuffer(
      count: layout.entries.reduce(0) { $0 + ($1.shape.count == 1 ? $1.count : 0) })
    var places: [String: Int] = [:]
    var next = 0
    for entry in layout.entries {
      guard entry.shape.count == 2 else {
        vectors.write(try floats(entry), at: next)
        places[entry.name] = next
        next += entry.count
        continue
      }
      let (rows, columns) = (entry.shape[0], entry.shape[1])
      if holding == .asStored, let stored = source.stored(entry.name),
        let weight = Weight(stored: stored, rows: rows, columns: columns)
      {
        matrices[entry.name] = weight
        continue
      }
      let type: NumberType = if case .rounded(let type) = holding { type } else { .f32 }
      matrices[entry.name] = try Weight(
        rounding: entry.name, of: source, rows: rows, columns: columns, to: type)
    }
    self.init(
      config: config, layout: layout, weights: FloatBuffer(count: 0), vectors: vectors,
      places: places, matrices: matrices)
  }

  /// Takes over weights that are already laid out, to be trained.
  public convenience init(config: ModelConfig, weights: FloatBuffer) {
    let layout = ParameterLayout(config.tensors.map { ($0.name, $0.shape) })
    precondition(weights.count == layout.count, "weights do not fit the config")
    var matrices: [String: Weight] = [:]
    var places: [String: Int] = [:]
    for entry in layout.entries {
      places[entry.name] = entry.offset
      if entry.shape.count == 2 {
        matrices[entry.name] = Weight(
          floats: weights.pointer + entry.offset, rows: entry.shape[0], columns: entry.shape[1],
          owner: weights)
      }
    }
    self.init(
      config: config, layout: layout, weights: weights, vectors: weights, places: places,
      matrices: matrices)
  }

  private init(
    config: ModelConfig, layout: ParameterLayout, weights: FloatBuffer, vectors: FloatBuffer,
    places: [String: Int], matrices: [String: Weight]
  ) {
    func matrix(_ name: String) -> Weight {
      guard let weight = matrices[name] else { preconditionFailure("no matrix \(name)") }
      return weight
    }
    func vector(_ name: String) -> MutableFloats? { places[name].map { vectors.pointer + $0 } }
    self.config = config
    self.layout = layout
    self.weights = weights
    self.vectors = vectors
    self.places = places
    layers = (0..<config.layerCount).map { layer in
      func norm(_ name: String) -> MutableFloats? { vector("model.layers.\(layer).\(name).weight") }
      guard let attention = norm("input_layernorm"), let mlp = norm("post_attention_layernorm")
      else { preconditionFailure("no norms in layer \(layer)") }
      return LayerWeights(
        attentionNorm: attention, mlpNorm: mlp, queryNorm: norm("self_attn.q_norm"),
        keyNorm: norm("self_attn.k_norm"),
        projections: Projection.allCases.map { matrix($0.path(layer: layer) + ".weight") },
        biases: Projection.allCases.map { vector($0.path(layer: layer) + ".bias") })
    }
    embedding = matrix("model.embed_tokens.weight")
    output = config.tiedEmbeddings ? embedding : matrix("lm_head.weight")
    guard let norm = vector("model.norm.weight") else { preconditionFailure("no final norm") }
    self.norm = norm
  }

  /// One tensor's floats, copied.
  public func floats(_ entry: ParameterLayout.Entry) -> [Float] {
    if let place = places[entry.name] {
      return Array(UnsafeBufferPointer(start: vectors.pointer + place, count: entry.count))
    }
    return weight(entry.name).floats
  }

  private func weight(_ name: String) -> Weight {
    if name == "model.embed_tokens.weight" { return embedding }
    if name == "lm_head.weight" { return output }
    for (layer, weights) in layers.enumerated() {
      for projection in Projection.allCases where name == projection.path(layer: layer) + ".weight"
      {
        return weights.projections[projection.index]
      }
    }
    preconditionFailure("no tensor \(name)")
  }

  /// The weights as a safetensors file.
  public func safetensors(as type: ScalarType) -> [UInt8] {
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for entry in layout.entries {
      writer.add(entry.name, floats(entry), shape: entry.shape, as: type)
    }
    return writer.bytes()
  }
}

/// Stores where the weights of one layer lie.
struct LayerWeights {
  /// Weights of the norms before attention and MLP, [hidden].
  let attentionNorm: MutableFloats
  let mlpNorm: MutableFloats
  /// Weights of the norms of query and key heads, [head size]; nil where there are none.
  let queryNorm: MutableFloats?
  let keyNorm: MutableFloats?
  /// In the order of `Projection.allCases`.
  let projections: [Weight]
  let biases: [MutableFloats?]
}

extension FloatBuffer {
  /// Copies floats to a place in this buffer.
  func write(_ floats: [Float], at offset: Int) {
    floats.withUnsafeBufferPointer { values in
      if let start = values.baseAddress {
        (pointer + offset).update(from: start, count: values.count)
      }
    }
  }
}
