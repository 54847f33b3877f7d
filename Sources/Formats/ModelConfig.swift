/// Stores the shape of a Llama-like model: the part of a Hugging Face `config.json` that decides
/// its mathematics.
public struct ModelConfig: Equatable, Sendable {
  public var family: ModelFamily
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  public var keyValueHeadCount: Int
  public var headSize: Int
  public var vocabularySize: Int
  public var normEpsilon: Double
  public var ropeTheta: Double
  public var ropeScaling: RopeScaling?
  /// Whether the output matrix is the embedding.
  public var tiedEmbeddings: Bool
  /// Whether the projections to query, key and value add a bias.
  public var queryKeyValueBias: Bool
  /// Whether the projection out of the attention adds a bias.
  public var outputBias: Bool
  /// Whether the three projections of the MLP add a bias.
  public var mlpBias: Bool
  /// Whether each head of query and key is normed (RMS) before its rotation.
  public var queryKeyNorm: Bool
  /// The longest context the model was made for.
  public var maximumPositions: Int
  public var bosID: Int32?
  /// The ids that end a text; the first one is written behind texts.
  public var eosIDs: [Int32]
  public var padID: Int32?

  /// - Parameters:
  ///   - keyValueHeadCount: `headCount` if nil.
  ///   - headSize: `hiddenSize / headCount` if nil.
  ///   - queryKeyNorm: what the family does if nil.
  public init(
    family: ModelFamily = .llama, hiddenSize: Int, intermediateSize: Int, layerCount: Int,
    headCount: Int, keyValueHeadCount: Int? = nil, headSize: Int? = nil, vocabularySize: Int,
    normEpsilon: Double = 1e-5, ropeTheta: Double = 10_000, ropeScaling: RopeScaling? = nil,
    tiedEmbeddings: Bool = true, queryKeyValueBias: Bool = false, outputBias: Bool = false,
    mlpBias: Bool = false, queryKeyNorm: Bool? = nil, maximumPositions: Int = 2048,
    bosID: Int32? = nil, eosIDs: [Int32] = [], padID: Int32? = nil
  ) {
    self.family = family
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount ?? headCount
    self.headSize = headSize ?? hiddenSize / max(headCount, 1)
    self.vocabularySize = vocabularySize
    self.normEpsilon = normEpsilon
    self.ropeTheta = ropeTheta
    self.ropeScaling = ropeScaling
    self.tiedEmbeddings = tiedEmbeddings
    self.queryKeyValueBias = queryKeyValueBias
    self.outputBias = outputBias
    self.mlpBias = mlpBias
    self.queryKeyNorm = queryKeyNorm ?? family.traits.queryKeyNorm
    self.maximumPositions = maximumPositions
    self.bosID = bosID
    self.eosIDs = eosIDs
    self.padID = padID
  }

  /// The name of the file in a model's folder.
  public static let fileName = "config.json"
  /// The name of the file that says how its texts end.
  public static let generationName = "generation_config.json"
}

/// Stores the name and shape a tensor of a model must have.
public struct TensorShape: Equatable, Sendable {
  public let name: String
  public let shape: [Int]
}

extension ModelConfig {
  /// Every tensor a model of this shape consists of, by its Hugging Face name.
  public var tensors: [TensorShape] {
    let queries = headCount * headSize
    let keys = keyValueHeadCount * headSize
    var tensors = [
      TensorShape(name: "model.embed_tokens.weight", shape: [vocabularySize, hiddenSize])
    ]
    for layer in 0..<layerCount {
      func add(_ name: String, _ shape: [Int]) {
        tensors.append(TensorShape(name: "model.layers.\(layer).\(name)", shape: shape))
      }
      add("input_layernorm.weight", [hiddenSize])
      add("self_attn.q_proj.weight", [queries, hiddenSize])
      add("self_attn.k_proj.weight", [keys, hiddenSize])
      add("self_attn.v_proj.weight", [keys, hiddenSize])
      add("self_attn.o_proj.weight", [hiddenSize, queries])
      if queryKeyValueBias {
        add("self_attn.q_proj.bias", [queries])
        add("self_attn.k_proj.bias", [keys])
        add("self_attn.v_proj.bias", [keys])
      }
      if outputBias { add("self_attn.o_proj.bias", [hiddenSize]) }
      if queryKeyNorm {
        add("self_attn.q_norm.weight", [headSize])
        add("self_attn.k_norm.weight", [headSize])
      }
      add("post_attention_layernorm.weight", [hiddenSize])
      add("mlp.gate_proj.weight", [intermediateSize, hiddenSize])
      add("mlp.up_proj.weight", [intermediateSize, hiddenSize])
      add("mlp.down_proj.weight", [hiddenSize, intermediateSize])
      if mlpBias {
        add("mlp.gate_proj.bias", [intermediateSize])
        add("mlp.up_proj.bias", [intermediateSize])
        add("mlp.down_proj.bias", [hiddenSize])
      }
    }
    tensors.append(TensorShape(name: "model.norm.weight", shape: [hiddenSize]))
    if !tiedEmbeddings {
      tensors.append(TensorShape(name: "lm_head.weight", shape: [vocabularySize, hiddenSize]))
    }
    return tensors
  }

  /// The number of weights.
  public var parameterCount: Int {
    tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  /// Refuses sizes that no model has, so that products of them can be formed and lists of all layers
  /// made without a second thought.
  func refuseUnreal(format: String) throws(FormatError) {
    let widest = 1 << 24
    let heads = headCount.multipliedReportingOverflow(by: headSize)
    for (field, size, most) in [
      ("number of layers", layerCount, 1024), ("hidden size", hiddenSize, widest),
      ("intermediate size", intermediateSize, widest),
      ("heads times their size", heads.overflow ? Int.max : heads.partialValue, widest),
      ("vocabulary", vocabularySize, 1 << 28), ("positions", maximumPositions, 1 << 28),
    ] where !(1...most).contains(size) {
      throw .invalid(format: format, field: field, found: "\(size), beyond 1 to \(most)")
    }
  }

  /// Checks that a source holds every tensor of this model in the right shape.
  public func check(_ source: some TensorSource) throws(FormatError) {
    for tensor in tensors {
      guard let found = source.shape(of: tensor.name) else {
        throw .missing(format: "model", field: "tensor \(tensor.name)")
      }
      guard found == tensor.shape else {
        throw .wrongShape(tensor: tensor.name, expected: tensor.shape, found: found)
      }
    }
  }
}
