extension ModelConfig {
  private static let format = "config.json"

  /// Reads a Hugging Face `config.json`; a field that may change the mathematics and is not known
  /// is an error.
  public init(json bytes: some Collection<UInt8>) throws(FormatError) {
    let node = try JSONNode(parsing: bytes, format: Self.format)
    guard node.members != nil else {
      throw .invalid(format: Self.format, field: "content", found: "no JSON object")
    }
    let fields = ConfigFields(node: node, format: Self.format)
    let type = try fields.text("model_type")
    guard let family = ModelFamily(rawValue: type) else {
      throw .unsupported(
        format: Self.format, field: "model_type", found: type, supported: "llama, qwen2 or mistral")
    }
    let hidden = try fields.size("hidden_size")
    let heads = try fields.size("num_attention_heads")
    let bias = try fields.flag("attention_bias") ?? false
    self.init(
      family: family, hiddenSize: hidden, intermediateSize: try fields.size("intermediate_size"),
      layerCount: try fields.size("num_hidden_layers"), headCount: heads,
      keyValueHeadCount: try fields.optionalSize("num_key_value_heads"),
      headSize: try fields.optionalSize("head_dim"),
      vocabularySize: try fields.size("vocab_size"),
      normEpsilon: try fields.positive("rms_norm_eps") ?? 1e-6,
      ropeTheta: try fields.ropeTheta(),
      tiedEmbeddings: try fields.flag("tie_word_embeddings") ?? false,
      queryKeyValueBias: family == .qwen2 || bias, outputBias: family == .llama && bias,
      maximumPositions: try fields.optionalSize("max_position_embeddings") ?? 2048,
      bosID: try fields.ids("bos_token_id").first, eosIDs: try fields.ids("eos_token_id"),
      padID: try fields.ids("pad_token_id").first)
    guard headCount.isMultiple(of: keyValueHeadCount) else {
      throw .invalid(
        format: Self.format, field: "num_key_value_heads",
        found: "\(keyValueHeadCount), which does not divide \(headCount) heads")
    }
    guard headSize.isMultiple(of: 2) else {
      throw .invalid(format: Self.format, field: "head_dim", found: "\(headSize), which is odd")
    }
    try fields.refuseOtherMathematics()
  }

  /// The `config.json` that Hugging Face transformers reads.
  public func json() -> [UInt8] {
    let architecture =
      switch family {
      case .llama: "LlamaForCausalLM"
      case .qwen2: "Qwen2ForCausalLM"
      case .mistral: "MistralForCausalLM"
      }
    var members: [JSONMember] = [
      JSONMember("architectures", .array([.string(architecture)])),
      JSONMember("attention_dropout", .double(0)),
      JSONMember("dtype", .string("float32")),
      JSONMember("head_dim", .int(headSize)),
      JSONMember("hidden_act", .string("silu")),
      JSONMember("hidden_size", .int(hiddenSize)),
      JSONMember("intermediate_size", .int(intermediateSize)),
      JSONMember("max_position_embeddings", .int(maximumPositions)),
      JSONMember("model_type", .string(family.rawValue)),
      JSONMember("num_attention_heads", .int(headCount)),
      JSONMember("num_hidden_layers", .int(layerCount)),
      JSONMember("num_key_value_heads", .int(keyValueHeadCount)),
      JSONMember("rms_norm_eps", .double(normEpsilon)),
      JSONMember("rope_theta", .double(ropeTheta)),
      JSONMember("tie_word_embeddings", .bool(tiedEmbeddings)),
      JSONMember("vocab_size", .int(vocabularySize)),
    ]
    if family == .llama {
      members.append(JSONMember("attention_bias", .bool(queryKeyValueBias)))
      members.append(JSONMember("mlp_bias", .bool(false)))
    }
    if family == .mistral { members.append(JSONMember("sliding_window", .null)) }
    if let bosID { members.append(JSONMember("bos_token_id", .int(Int(bosID)))) }
    if let padID { members.append(JSONMember("pad_token_id", .int(Int(padID)))) }
    if eosIDs.count == 1 {
      members.append(JSONMember("eos_token_id", .int(Int(eosIDs[0]))))
    } else if !eosIDs.isEmpty {
      members.append(JSONMember("eos_token_id", .array(eosIDs.map { .int(Int($0)) })))
    }
    return JSONNode.object(members).indentedBytes()
  }
}

/// Reads fields of a config with the checks they need.
private struct ConfigFields {
  let node: JSONNode
  let format: String
  /// Sizes beyond this are damage, and products of two of them still fit an Int.
  private static let largest = 1 << 28

  private func value(_ name: String) -> JSONNode? {
    guard let value = node[name], !value.isNull else { return nil }
    return value
  }

  func text(_ name: String) throws(FormatError) -> String {
    guard let value = value(name) else { throw .missing(format: format, field: name) }
    guard let text = value.text else { throw wrong(name, value) }
    return text
  }

  func size(_ name: String) throws(FormatError) -> Int {
    guard let size = try optionalSize(name) else { throw .missing(format: format, field: name) }
    return size
  }

  func optionalSize(_ name: String) throws(FormatError) -> Int? {
    guard let value = value(name) else { return nil }
    guard let size = value.int, size > 0, size <= Self.largest else { throw wrong(name, value) }
    return size
  }

  func positive(_ name: String) throws(FormatError) -> Double? {
    guard let value = value(name) else { return nil }
    guard let number = value.number, number > 0, number.isFinite else { throw wrong(name, value) }
    return number
  }

  func flag(_ name: String) throws(FormatError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let flag = value.bool else { throw wrong(name, value) }
    return flag
  }

  /// One id or a list of ids.
  func ids(_ name: String) throws(FormatError) -> [Int32] {
    guard let value = value(name) else { return [] }
    var ids: [Int32] = []
    for element in value.elements ?? [value] {
      guard let number = element.int, let id = Int32(exactly: number) else {
        throw wrong(name, value)
      }
      if id >= 0 { ids.append(id) }  // −1 says "none" in old files
    }
    return ids
  }

  func ropeTheta() throws(FormatError) -> Double {
    for name in ["rope_parameters", "rope_scaling"] {
      guard let rope = value(name) else { continue }
      for member in rope.members ?? [] {
        switch member.name {
        case "rope_type", "type":
          guard member.value.text == "default" else {
            throw .unsupported(
              format: format, field: "\(name).\(member.name)", found: Self.show(member.value),
              supported: "rope type default")
          }
        case "rope_theta": break
        case "partial_rotary_factor" where member.value.number == 1: break
        default:
          throw .unknownField(
            format: format, field: "\(name).\(member.name)", found: Self.show(member.value))
        }
      }
    }
    if let parameters = value("rope_parameters"), let theta = parameters["rope_theta"] {
      guard let number = theta.number, number > 0, number.isFinite else {
        throw wrong("rope_parameters.rope_theta", theta)
      }
      return number
    }
    return try positive("rope_theta") ?? 10_000
  }

  /// Fields that would change the numbers, and the only values of theirs that plm computes.
  private static let fixed: [(name: String, values: [JSONNode])] = [
    ("hidden_act", [.string("silu"), .string("swish")]),
    ("hidden_activation", [.string("silu")]),
    ("mlp_bias", [.bool(false)]),
    ("pretraining_tp", [.int(1)]),
    ("sliding_window", []),
    ("use_sliding_window", [.bool(false)]),
    ("rope_interleaved", [.bool(false)]),
    ("partial_rotary_factor", [.int(1), .double(1)]),
    ("quantization_config", []),
    ("attn_logit_softcapping", []),
    ("final_logit_softcapping", []),
    ("is_encoder_decoder", [.bool(false)]),
    ("add_cross_attention", [.bool(false)]),
    ("tie_encoder_decoder", [.bool(false)]),
    ("is_decoder", [.bool(false), .bool(true)]),
  ]

  private static let read: Set<String> = [
    "model_type", "hidden_size", "num_attention_heads", "attention_bias", "intermediate_size",
    "num_hidden_layers", "num_key_value_heads", "head_dim", "vocab_size", "rms_norm_eps",
    "rope_parameters", "rope_scaling", "rope_theta", "tie_word_embeddings",
    "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id",
  ]

  /// Fields that say nothing about the forward pass.
  private static let harmless: Set<String> = [
    "architectures", "attention_dropout", "auto_map", "chunk_size_feed_forward", "dtype",
    "torch_dtype", "initializer_range", "is_llama_config", "layer_types", "max_window_layers",
    "max_sequence_length", "name_or_path", "output_attentions", "output_hidden_states",
    "problem_type", "return_dict", "rope_local_base_freq", "task_specific_params",
    "tokenizer_class", "torchscript", "transformers.js_config", "transformers_version",
    "unk_token_id", "use_cache", "id2label", "label2id", "bad_words_ids", "license", "model_name",
    "hidden_dropout", "embd_pdrop", "resid_pdrop", "attn_pdrop", "unsloth_version",
    "unsloth_fixed", "use_mrope",
  ]

  func refuseOtherMathematics() throws(FormatError) {
    for member in node.members ?? [] {
      if member.value.isNull || member.name.hasPrefix("_") { continue }
      if let fixed = Self.fixed.first(where: { $0.name == member.name }) {
        if fixed.values.contains(member.value) { continue }
        // Qwen2 files carry a window that a second field turns off.
        if member.name == "sliding_window", node["use_sliding_window"] == .bool(false) { continue }
        // Settings of bare layers: zero, false and empty mean "off".
        throw .unsupported(
          format: format, field: member.name, found: Self.show(member.value),
          supported: fixed.values.isEmpty
            ? "none" : "\(member.name) \(fixed.values.map(Self.show).joined(separator: " or "))")
      }
      if member.name == "layer_types" { try checkLayerTypes(member.value) }
      if Self.read.contains(member.name) || Self.harmless.contains(member.name) { continue }
      if member.value == .bool(false) { continue }
      throw .unknownField(format: format, field: member.name, found: Self.show(member.value))
    }
  }

  private func checkLayerTypes(_ types: JSONNode) throws(FormatError) {
    for type in types.elements ?? [] where type != .string("full_attention") {
      throw .unsupported(
        format: format, field: "layer_types", found: Self.show(type), supported: "full_attention")
    }
  }

  private func wrong(_ name: String, _ value: JSONNode) -> FormatError {
    .invalid(format: format, field: name, found: Self.show(value))
  }

  private static func show(_ node: JSONNode) -> String {
    String(String(decoding: node.bytes(), as: UTF8.self).prefix(80))
  }
}
