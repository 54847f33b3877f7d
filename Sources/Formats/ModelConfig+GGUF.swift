extension ModelConfig {
  /// The key under which plm keeps the settings behind `rope_freqs.weight`, which hold no more than
  /// the quotients of each frequency: a text like `rope_scaling` in a `config.json`.
  static let ropeScalingKey = "plm.rope_scaling"

  /// Reads the metadata of a GGUF model.
  /// - Throws: for an architecture, a value or a key that means mathematics plm does not compute.
  init(_ file: GGUFFile) throws(FormatError) {
    let architecture = try file.value("general.architecture").text ?? ""
    let families: [ModelFamily] = [.llama, .qwen2, .qwen3]
    guard let family = families.first(where: { $0.traits.gguf == architecture }) else {
      throw .unsupported(
        format: GGUFFile.format, field: "general.architecture", found: architecture,
        supported: families.map(\.traits.gguf).joined(separator: ", "))
    }
    let fields = GGUFFields(file: file, architecture: architecture)
    try fields.refuseUnknown()
    let hidden = try fields.size("embedding_length")
    let heads = try fields.size("attention.head_count")
    let rotated = try fields.optionalSize("rope.dimension_count")
    let headSize =
      try fields.optionalSize("attention.key_length") ?? rotated ?? hidden / heads
    let keyHeads = try fields.optionalSize("attention.head_count_kv") ?? heads
    guard headSize > 0, headSize < 1 << 20, heads.isMultiple(of: keyHeads),
      headSize.isMultiple(of: 2)
    else {
      throw .invalid(
        format: GGUFFile.format, field: fields.key("attention.head_count_kv"),
        found: "\(keyHeads) for \(heads) heads of \(headSize)")
    }
    try fields.require("rope.dimension_count", headSize)
    try fields.require("attention.value_length", headSize)
    guard let vocabulary = try file.tensor("token_embd.weight").shape.first else {
      throw .invalid(format: GGUFFile.format, field: "token_embd.weight", found: "no dimensions")
    }
    func id(_ key: String) -> Int32? {
      file.metadata["tokenizer.ggml.\(key)"]?.int.flatMap { Int32(exactly: $0) }
    }
    self.init(
      family: family, hiddenSize: hidden,
      intermediateSize: try fields.size("feed_forward_length"),
      layerCount: try fields.size("block_count"), headCount: heads,
      keyValueHeadCount: keyHeads, headSize: headSize, vocabularySize: vocabulary,
      normEpsilon: try file.value(fields.key("attention.layer_norm_rms_epsilon")).decimal ?? 1e-5,
      ropeTheta: try fields.positive("rope.freq_base") ?? 10_000,
      ropeScaling: try fields.linearScaling(),
      tiedEmbeddings: !file.has("output.weight"),
      queryKeyValueBias: file.has("blk.0.attn_q.bias"),
      outputBias: file.has("blk.0.attn_output.bias"), mlpBias: file.has("blk.0.ffn_gate.bias"),
      queryKeyNorm: family.traits.queryKeyNorm,
      maximumPositions: try fields.size("context_length"), bosID: id("bos_token_id"),
      eosIDs: ["eos_token_id", "eot_token_id", "eom_token_id"].compactMap(id).reduce(into: []) {
        // The end of a text, of a turn and of a message are often one and the same.
        if !$0.contains($1) { $0.append($1) }
      }, padID: id("padding_token_id"))
    try refuseUnreal(format: GGUFFile.format)
    try refuseOtherBiases()
    if file.has(GGUFNames.ropeDivisors) {
      ropeScaling = try scaling(behind: file.floats(of: GGUFNames.ropeDivisors), file)
    }
  }

  /// A config.json could not say of such a model which biases it has.
  private func refuseOtherBiases() throws(FormatError) {
    let fits =
      switch family.traits.attentionBias {
      case .never: !queryKeyValueBias && !outputBias
      case .queryKeyValue: queryKeyValueBias && !outputBias
      case .field: queryKeyValueBias == outputBias
      }
    guard fits, family.traits.hasMLPBias || !mlpBias else {
      throw .unsupported(
        format: GGUFFile.format, field: "biases",
        found: "of query \(queryKeyValueBias), output \(outputBias), MLP \(mlpBias)",
        supported: "the biases of a \(family.rawValue)")
    }
  }

  /// The scaling whose quotients a file holds: the one plm wrote beside them, or Llama 3's own.
  private func scaling(
    behind divisors: [Float], _ file: GGUFFile
  ) throws(FormatError) -> RopeScaling? {
    if ropeScaling == nil, divisors.allSatisfy({ $0 == 1 }) { return nil }
    let own = try file.metadata[Self.ropeScalingKey].map { value throws(FormatError) in
      try RopeScaling(json: Array((value.text ?? "").utf8), format: Self.ropeScalingKey)
    }
    // Llama 3.1 to 3.3 differ in the factor alone, by which their slowest frequency is divided.
    let scaling =
      own
      ?? .llama3(
        factor: Double(divisors.max() ?? 1), lowFrequencyFactor: 1, highFrequencyFactor: 4,
        originalPositions: 8192)
    let expected = ropeDivisors(scaling)
    guard ropeScaling == nil, divisors.count == expected.count,
      zip(divisors, expected).allSatisfy({ abs($0 - $1) <= 1e-5 * $1 })
    else {
      throw .unsupported(
        format: GGUFFile.format, field: GGUFNames.ropeDivisors, found: "other quotients",
        supported: "rotary positions plain, linear or scaled as in Llama 3")
    }
    return scaling
  }
}

/// Reads the keys of an architecture with the checks they need.
private struct GGUFFields {
  let file: GGUFFile
  let architecture: String

  func key(_ rest: String) -> String { "\(architecture).\(rest)" }

  func size(_ rest: String) throws(FormatError) -> Int { try file.size(key(rest)) }

  func optionalSize(_ rest: String) throws(FormatError) -> Int? {
    file.metadata[key(rest)] == nil ? nil : try file.size(key(rest))
  }

  func positive(_ rest: String) throws(FormatError) -> Double? {
    guard let value = file.metadata[key(rest)] else { return nil }
    guard let number = value.decimal, number > 0, Float(number).isFinite else {
      throw .invalid(format: GGUFFile.format, field: key(rest), found: "\(value)")
    }
    return number
  }

  /// A size that must be this one, if it is there.
  func require(_ rest: String, _ size: Int) throws(FormatError) {
    guard let found = try optionalSize(rest), found != size else { return }
    throw .unsupported(
      format: GGUFFile.format, field: key(rest), found: "\(found)",
      supported: "\(key(rest)) \(size), the size of a head")
  }

  /// llama.cpp takes a factor for linear scaling unless a type says otherwise; 0 and 1 are none.
  func linearScaling() throws(FormatError) -> RopeScaling? {
    let type = file.metadata[key("rope.scaling.type")]?.text ?? "linear"
    guard type == "linear" || type == "none" else {
      throw .unsupported(
        format: GGUFFile.format, field: key("rope.scaling.type"), found: type,
        supported: "rope scaling none or linear")
    }
    for rest in ["rope.scaling.factor", "rope.scale_linear"] where type == "linear" {
      guard let value = file.metadata[key(rest)], value.number != 0 else { continue }
      guard let factor = try positive(rest) else { continue }
      return factor == 1 ? nil : .linear(factor: factor)
    }
    return nil
  }

  private static let known: Set<String> = [
    "embedding_length", "feed_forward_length", "block_count", "context_length", "vocab_size",
    "attention.head_count", "attention.head_count_kv", "attention.key_length",
    "attention.value_length", "attention.layer_norm_rms_epsilon", "rope.dimension_count",
    "rope.freq_base", "rope.scaling.type", "rope.scaling.factor", "rope.scale_linear",
    // These mean something only together with others that are refused.
    "rope.scaling.finetuned", "rope.scaling.original_context_length", "tensor_data_layout",
  ]

  /// Refuses keys that are not known and not off.
  func refuseUnknown() throws(FormatError) {
    let prefix = "\(architecture)."
    for (name, value) in file.metadata.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(prefix) && !Self.known.contains(String(name.dropFirst(prefix.count))) {
      if value.number == 0 || value.bool == false || value.text == "none" { continue }
      if name == key("attention.causal"), value.bool == true { continue }
      throw .unknownField(
        format: GGUFFile.format, field: name, found: String("\(value)".prefix(80)))
    }
  }
}
