extension ModelConfig {
  private static let format = "config.json"

  /// Reads a Hugging Face `config.json` as transformers does; a field that may change the
  /// mathematics and is not known is an error.
  /// - Throws: `FormatError`, naming the field.
  public init(json bytes: some Collection<UInt8>) throws(FormatError) {
    let node = try JSONNode(parsing: bytes, format: Self.format)
    guard node.members != nil else {
      throw .invalid(format: Self.format, field: "content", found: "no JSON object")
    }
    let fields = ConfigFields(node: node, format: Self.format)
    try fields.refuseRepeats()
    let family = try fields.family()
    let traits = family.traits
    let heads = try fields.size("num_attention_heads")
    let positions =
      try fields.optionalSize("max_position_embeddings") ?? traits.maximumPositions
    let rope = try fields.rope(positions: positions)
    let bias = try fields.flag("attention_bias") ?? false
    self.init(
      family: family, hiddenSize: try fields.size("hidden_size"),
      intermediateSize: try fields.size("intermediate_size"),
      layerCount: try fields.size("num_hidden_layers"), headCount: heads,
      keyValueHeadCount: try fields.keyValueHeads(traits),
      headSize: try fields.optionalSize("head_dim") ?? traits.headSize,
      vocabularySize: try fields.size("vocab_size"),
      normEpsilon: try fields.positive("rms_norm_eps") ?? 1e-6,
      ropeTheta: rope.theta, ropeScaling: rope.scaling,
      tiedEmbeddings: try fields.flag("tie_word_embeddings") ?? false,
      queryKeyValueBias: traits.attentionBias == .queryKeyValue
        || traits.attentionBias == .field && bias,
      outputBias: traits.attentionBias == .field && bias,
      mlpBias: traits.hasMLPBias ? try fields.flag("mlp_bias") ?? false : false,
      queryKeyNorm: traits.queryKeyNorm, maximumPositions: positions,
      bosID: try fields.ids("bos_token_id").first, eosIDs: try fields.ids("eos_token_id"),
      padID: try fields.ids("pad_token_id").first)
    guard headCount.isMultiple(of: keyValueHeadCount) else {
      throw .invalid(
        format: Self.format, field: "num_key_value_heads",
        found: "\(keyValueHeadCount), which does not divide \(headCount) heads")
    }
    guard headSize > 0, headSize.isMultiple(of: 2) else {
      throw .invalid(
        format: Self.format, field: "head_dim", found: "\(headSize), which is not even")
    }
    try refuseUnreal(format: Self.format)
    try fields.refuseOtherMathematics(family, positions: positions)
  }

  /// Takes over what `generation_config.json` says more about where a text ends: a model that was
  /// taught to chat ends a turn with other ids than a text.
  public mutating func addEnds(generation bytes: some Collection<UInt8>) throws(FormatError) {
    let format = Self.generationName
    let node = try JSONNode(parsing: bytes, format: format)
    guard node.members != nil else {
      throw .invalid(format: format, field: "content", found: "no JSON object")
    }
    let fields = ConfigFields(node: node, format: format)
    try fields.refuseRepeats()
    for id in try fields.ids("eos_token_id") where !eosIDs.contains(id) { eosIDs.append(id) }
    if bosID == nil { bosID = try fields.ids("bos_token_id").first }
    if padID == nil { padID = try fields.ids("pad_token_id").first }
  }
}

extension ConfigFields {
  fileprivate func family() throws(FormatError) -> ModelFamily {
    let type = try text("model_type")
    guard let family = ModelFamily(rawValue: type) else {
      throw .unsupported(
        format: format, field: "model_type", found: type,
        supported: ModelFamily.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return family
  }

  /// Null says "as many as heads"; what a missing field says depends on the family.
  fileprivate func keyValueHeads(_ traits: FamilyTraits) throws(FormatError) -> Int? {
    let field = "num_key_value_heads"
    return node[field] == nil ? traits.keyValueHeads : try optionalSize(field)
  }
}

extension ConfigFields {
  /// Fields that would change the numbers, and the only values of theirs that plm computes.
  private static let fixed: [(name: String, values: [JSONNode])] = [
    ("hidden_act", [.string("silu"), .string("swish")]),
    ("hidden_activation", [.string("silu")]),
    ("pretraining_tp", [.int(1)]),
    ("rope_interleaved", [.bool(false)]),
    ("partial_rotary_factor", [.int(1), .double(1)]),
    ("quantization_config", []),
    ("attn_logit_softcapping", []),
    ("final_logit_softcapping", []),
    ("is_encoder_decoder", [.bool(false)]),
    ("add_cross_attention", [.bool(false)]),
    ("tie_encoder_decoder", [.bool(false)]),
    ("is_decoder", [.bool(false), .bool(true)]),
    ("use_mrope", [.bool(false)]),
  ]

  private static let read: Set<String> = [
    "model_type", "hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers",
    "num_key_value_heads", "head_dim", "vocab_size", "rms_norm_eps", "rope_parameters",
    "rope_scaling", "rope_theta", "tie_word_embeddings", "max_position_embeddings",
    "bos_token_id", "eos_token_id", "pad_token_id",
  ]

  /// Fields that say nothing about the forward pass.
  private static let harmless: Set<String> = [
    "architectures", "attention_dropout", "auto_map", "chunk_size_feed_forward", "dtype",
    "torch_dtype", "initializer_range", "is_llama_config", "max_sequence_length", "name_or_path",
    "output_attentions", "output_hidden_states", "problem_type", "return_dict",
    "rope_local_base_freq", "task_specific_params", "tokenizer_class", "torchscript",
    "transformers.js_config", "transformers_version", "unk_token_id", "use_cache", "id2label",
    "label2id", "bad_words_ids", "license", "model_name", "hidden_dropout", "embd_pdrop",
    "resid_pdrop", "attn_pdrop", "unsloth_version", "unsloth_fixed",
  ]

  /// Checked by functions of their own: what they may be depends on other fields.
  private static let dependent: Set<String> = [
    "attention_bias", "mlp_bias", "sliding_window", "use_sliding_window", "max_window_layers",
    "layer_types", "no_rope_layers",
  ]

  fileprivate func refuseOtherMathematics(
    _ family: ModelFamily, positions: Int
  ) throws(FormatError) {
    try refuseBiases(family)
    try refuseWindow(family, positions: positions)
    try refuseOtherLayers()
    for member in node.members ?? [] {
      let name = member.name
      if member.value.isNull || name.hasPrefix("_") || Self.dependent.contains(name) { continue }
      if let fixed = Self.fixed.first(where: { $0.name == name }) {
        if fixed.values.contains(member.value) { continue }
        throw .unsupported(
          format: format, field: name, found: Self.show(member.value),
          supported: fixed.values.isEmpty
            ? "none" : "\(name) \(fixed.values.map(Self.show).joined(separator: " or "))")
      }
      if Self.read.contains(name) || Self.harmless.contains(name) { continue }
      // Where layers without rotation are listed, the interval that would place them is not used.
      if name == "no_rope_layer_interval", value("no_rope_layers") != nil { continue }
      // What is unknown and off does nothing.
      if member.value == .bool(false) { continue }
      throw .unknownField(format: format, field: name, found: Self.show(member.value))
    }
  }

  /// A bias that the config asks for and the family's class does not have.
  private func refuseBiases(_ family: ModelFamily) throws(FormatError) {
    let traits = family.traits
    for (name, known) in [
      // Qwen2 has its biases whatever the field says.
      ("attention_bias", traits.attentionBias != .never), ("mlp_bias", traits.hasMLPBias),
    ] where !known {
      if try flag(name) == true {
        throw .unsupported(
          format: format, field: name, found: "true",
          supported: "\(name) false in a \(family.rawValue)")
      }
    }
  }

  /// A window within which alone a token sees others, unless it is as long as the context.
  private func refuseWindow(_ family: ModelFamily, positions: Int) throws(FormatError) {
    let field = "sliding_window"
    let isUsed = try flag("use_sliding_window")
    switch family.traits.slidingWindow {
    case .always: break
    case .ifUsed: if isUsed != true { return }
    case .none: if isUsed == false || value(field) == nil { return }
    }
    // 4096 is the default of every class that has the field.
    let found = node[field] ?? .int(4096)
    guard !found.isNull else { return }
    guard let window = found.int, window > 0 else { throw wrong(field, found) }
    guard window < positions else { return }
    throw .unsupported(
      format: format, field: field,
      found: node[field] == nil ? "missing, which means \(window)" : "\(window)",
      supported: "a window of at least max_position_embeddings (\(positions)), or null")
  }

  /// Layers that attend or rotate in another way.
  private func refuseOtherLayers() throws(FormatError) {
    for (name, plain, words) in [
      ("layer_types", [.string("full_attention")], "full_attention"),
      ("no_rope_layers", [.int(1), .bool(true)], "1 for every layer"),
    ] as [(String, [JSONNode], String)] {
      guard let value = value(name) else { continue }
      guard let elements = value.elements else { throw wrong(name, value) }
      for element in elements where !plain.contains(element) {
        throw .unsupported(
          format: format, field: name, found: Self.show(element), supported: words)
      }
    }
  }
}
