/// Describes how a model of the Hugging Face kind is written as GGUF.
public struct GGUFExport: Sendable {
  /// A tensor to write: what it is called in the file and where its values come from.
  public struct Item: Sendable {
    /// The name in Hugging Face's layout; nil for what follows from the config.
    public let source: String?
    public let entry: GGUFLayout.Entry
    /// Whether it is of another type than wanted because its rows are no whole blocks.
    public let fellBack: Bool
  }

  public let config: ModelConfig
  public let type: GGUFFileType
  public let items: [Item]

  /// - Parameters:
  ///   - type: for matrices; vectors (norms and biases) are always F32.
  ///   - hasImportance: whether matrices are rounded by the importance of their columns.
  /// - Throws: if llama.cpp's architecture for this family would leave out a part of the model.
  public init(
    config: ModelConfig, type: GGUFFileType, hasImportance: Bool = false
  ) throws(FormatError) {
    try Self.refuseUncarried(config)
    self.config = config
    self.type = type
    let tensors: [Item] = config.tensors.compactMap { tensor in
      guard let name = GGUFNames.gguf(tensor.name) else { return nil }
      guard tensor.shape.count == 2 else {
        return Item(
          source: tensor.name, entry: .init(name: name, shape: tensor.shape, type: .f32),
          fellBack: false)
      }
      let (kept, fellBack) = type.tensorType(
        of: tensor.name, columns: tensor.shape[1], in: config, hasImportance: hasImportance)
      return Item(
        source: tensor.name, entry: .init(name: name, shape: tensor.shape, type: kept),
        fellBack: fellBack)
    }
    items = tensors + Self.ropeDivisors(config)
  }

  /// Refuses what llama.cpp's loader of an architecture does not take: other biases than Qwen2's,
  /// and frequencies of its own, are known of llama alone.
  private static func refuseUncarried(_ config: ModelConfig) throws(FormatError) {
    let architecture = config.ggufArchitecture
    let isLlama = architecture == "llama"
    let hasQueryBias = config.queryKeyValueBias && architecture != "qwen2"
    let scaling: String? = if case .llama3 = config.ropeScaling { "llama3" } else { nil }
    for (field, found, isCarried, carried) in [
      ("mlp_bias", "true", !config.mlpBias || isLlama, "no biases of the MLP"),
      (
        "attention_bias", "true", !(hasQueryBias || config.outputBias) || isLlama,
        "no other biases of the attention than Qwen2's"
      ),
      (
        "norms of heads", "\(config.queryKeyNorm)",
        config.queryKeyNorm == (architecture == "qwen3"), "norms of heads in a qwen3 alone"
      ),
      (
        "rope_scaling", scaling ?? "", scaling == nil || isLlama,
        "rotary positions plain or linear"
      ),
    ] where !isCarried {
      throw .unsupported(
        format: "GGUF of a \(architecture)", field: field, found: found,
        supported: "\(carried): llama.cpp computes no more of it")
    }
  }

  private static func ropeDivisors(_ config: ModelConfig) -> [Item] {
    guard case .llama3 = config.ropeScaling else { return [] }
    let entry = GGUFLayout.Entry(
      name: GGUFNames.ropeDivisors, shape: [config.headSize / 2], type: .f32)
    return [Item(source: nil, entry: entry, fellBack: false)]
  }

  /// The header of the file.
  /// - Parameter tokenizer: the metadata of the vocabulary; none for a model without one.
  public func layout(tokenizer: [(key: String, value: GGUFValue)]?) -> GGUFLayout {
    GGUFLayout(
      metadata: metadata + (tokenizer ?? [("tokenizer.ggml.model", .string("no_vocab"))]),
      tensors: items.map(\.entry))
  }

  private var metadata: [(key: String, value: GGUFValue)] {
    let architecture = config.ggufArchitecture
    func number(_ key: String, _ value: Int) -> (key: String, value: GGUFValue) {
      ("\(architecture).\(key)", .uint32(UInt32(value)))
    }
    return [
      ("general.architecture", .string(architecture)),
      ("general.type", .string("model")),
      ("general.file_type", .uint32(type.rawValue)),
      ("general.quantization_version", .uint32(2)),
      number("block_count", config.layerCount),
      number("context_length", config.maximumPositions),
      number("embedding_length", config.hiddenSize),
      number("feed_forward_length", config.intermediateSize),
      number("attention.head_count", config.headCount),
      number("attention.head_count_kv", config.keyValueHeadCount),
      number("attention.key_length", config.headSize),
      number("attention.value_length", config.headSize),
      ("\(architecture).attention.layer_norm_rms_epsilon", .float(Float(config.normEpsilon))),
      number("rope.dimension_count", config.headSize),
      ("\(architecture).rope.freq_base", .float(Float(config.ropeTheta))),
      number("vocab_size", config.vocabularySize),
    ] + scaling
  }

  private var scaling: [(key: String, value: GGUFValue)] {
    guard let scaling = config.ropeScaling else { return [] }
    if case .linear(let factor) = scaling {
      return [
        ("\(config.ggufArchitecture).rope.scaling.type", .string("linear")),
        ("\(config.ggufArchitecture).rope.scaling.factor", .float(Float(factor))),
      ]
    }
    // llama.cpp takes the quotients in `rope_freqs.weight`; this says what they came from.
    return [
      (
        ModelConfig.ropeScalingKey,
        .string(String(decoding: scaling.json().bytes(), as: UTF8.self))
      )
    ]
  }
}

extension GGUFExport {
  /// The bytes of an adapter as llama.cpp loads it with `--lora`.
  /// - Throws: for DoRA, whose magnitudes llama.cpp knows nothing of.
  public static func adapter(_ adapter: AdapterWeights, model: ModelConfig) throws(FormatError)
    -> [UInt8]
  {
    guard !adapter.config.weightDecomposed else {
      throw .unsupported(
        format: "GGUF of an adapter", field: "use_dora", found: "true",
        supported: "plain LoRA: merge it into its base, or use PEFT's files")
    }
    let rank = adapter.config.rank
    var entries: [GGUFLayout.Entry] = []
    var values: [String: [Float]] = [:]
    for layer in 0..<model.layerCount {
      for target in adapter.config.targets {
        let name = "model.layers.\(layer).\(AdapterConfig.block(of: target)).\(target).weight"
        guard let own = GGUFNames.gguf(name),
          let factors = try adapter.factors(layer: layer, target: target)
        else { continue }
        let (rows, columns) = model.shape(ofTarget: target)
        entries.append(.init(name: own + ".lora_a", shape: [rank, columns], type: .f32))
        entries.append(.init(name: own + ".lora_b", shape: [rows, rank], type: .f32))
        values[own + ".lora_a"] = factors.a
        values[own + ".lora_b"] =
          model.pairedHeads(of: name).map {
            RotaryLayout.pairs(factors.b, heads: $0, columns: rank)
          } ?? factors.b
      }
    }
    let layout = GGUFLayout(
      metadata: [
        ("general.architecture", .string(model.ggufArchitecture)),
        ("general.type", .string("adapter")),
        ("general.file_type", .uint32(0)),
        ("adapter.type", .string("lora")),
        // llama.cpp scales by alpha / rank, whatever the adapter's own rule.
        ("adapter.lora.alpha", .float(Float(adapter.config.scale * Double(rank)))),
      ], tensors: entries)
    return layout.bytes { values[$0.name] ?? [] }
  }
}
