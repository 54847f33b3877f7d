public import Bytes

/// Gives the tensors of a GGUF model under their Hugging Face names, as 32-bit floats in Hugging
/// Face's layout.
public struct GGUFModel: TensorSource {
  public let config: ModelConfig
  public let names: [String]
  /// The file itself, with its metadata.
  public let file: GGUFFile
  private let shapes: [String: [Int]]

  public init(_ mapped: MappedFile) throws(FormatError) {
    try self.init(try GGUFFile(mapped))
  }

  public init(_ file: GGUFFile) throws(FormatError) {
    self.file = file
    config = try Self.config(file)
    var shapes: [String: [Int]] = [:]
    for tensor in config.tensors {
      guard let name = GGUFNames.gguf(tensor.name), file.has(name) else {
        throw .missing(
          format: GGUFFile.format, field: "tensor \(GGUFNames.gguf(tensor.name) ?? tensor.name)")
      }
      let found = try file.tensor(name).shape
      guard found == tensor.shape else {
        throw .wrongShape(tensor: name, expected: tensor.shape, found: found)
      }
      shapes[tensor.name] = tensor.shape
    }
    self.shapes = shapes
    names = shapes.keys.sorted()
  }

  private static func config(_ file: GGUFFile) throws(FormatError) -> ModelConfig {
    let key = "general.architecture"
    let architecture = try file.value(key).text ?? ""
    guard ["llama", "qwen2"].contains(architecture) else {
      throw .unsupported(
        format: GGUFFile.format, field: key, found: architecture, supported: "llama or qwen2")
    }
    func name(_ rest: String) -> String { "\(architecture).\(rest)" }
    for rest in ["attention.sliding_window", "expert_count", "rope.scaling.factor"] {
      if let value = file.metadata[name(rest)]?.number, value != 0 {
        throw .unsupported(
          format: GGUFFile.format, field: name(rest), found: "\(value)", supported: "none")
      }
    }
    if let scaling = file.metadata[name("rope.scaling.type")]?.text, scaling != "none" {
      throw .unsupported(
        format: GGUFFile.format, field: name("rope.scaling.type"), found: scaling,
        supported: "plain rotary positions")
    }
    let hidden = try file.size(name("embedding_length"))
    let heads = try file.size(name("attention.head_count"))
    let headSize =
      file.metadata[name("attention.key_length")]?.int
      ?? file.metadata[name("rope.dimension_count")]?.int ?? hidden / heads
    let keyHeads = file.metadata[name("attention.head_count_kv")]?.int ?? heads
    guard headSize > 0, headSize < 1 << 20, keyHeads > 0, heads.isMultiple(of: keyHeads),
      headSize.isMultiple(of: 2)
    else {
      throw .invalid(
        format: GGUFFile.format, field: name("attention.head_count_kv"),
        found: "\(keyHeads) for \(heads) heads of \(headSize)")
    }
    if file.has("rope_freqs.weight") {
      throw .unsupported(
        format: GGUFFile.format, field: "rope_freqs.weight", found: "there",
        supported: "plain rotary positions")
    }
    guard let vocabulary = try file.tensor("token_embd.weight").shape.first else {
      throw .invalid(format: GGUFFile.format, field: "token_embd.weight", found: "no dimensions")
    }
    func id(_ key: String) -> Int32? {
      file.metadata["tokenizer.ggml.\(key)"]?.int.flatMap { Int32(exactly: $0) }
    }
    return ModelConfig(
      family: architecture == "qwen2" ? .qwen2 : .llama, hiddenSize: hidden,
      intermediateSize: try file.size(name("feed_forward_length")),
      layerCount: try file.size(name("block_count")), headCount: heads,
      keyValueHeadCount: keyHeads, headSize: headSize, vocabularySize: vocabulary,
      normEpsilon: try file.value(name("attention.layer_norm_rms_epsilon")).decimal ?? 1e-5,
      ropeTheta: file.metadata[name("rope.freq_base")]?.decimal ?? 10_000,
      tiedEmbeddings: !file.has("output.weight"),
      queryKeyValueBias: file.has("blk.0.attn_q.bias"),
      outputBias: file.has("blk.0.attn_output.bias"),
      maximumPositions: try file.size(name("context_length")), bosID: id("bos_token_id"),
      eosIDs: [id("eos_token_id")].compactMap { $0 }, padID: id("padding_token_id"))
  }

  public func shape(of name: String) -> [Int]? { shapes[name] }

  public func floats(of name: String) throws(FormatError) -> [Float] {
    guard shapes[name] != nil, let own = GGUFNames.gguf(name) else {
      throw .missing(format: GGUFFile.format, field: "tensor \(name)")
    }
    let values = try file.floats(of: own)
    guard let heads = config.pairedHeads(of: name) else { return values }
    return RotaryLayout.halves(
      values, heads: heads, columns: values.count / (heads * config.headSize))
  }
}

extension ModelConfig {
  /// The heads of a query or key projection (weight, bias or a LoRA factor B) whose rows
  /// llama.cpp's llama architecture wants in pairs; nil for all other tensors and architectures.
  public func pairedHeads(of name: String) -> Int? {
    guard family != .qwen2 else { return nil }
    if name.contains("self_attn.q_proj.") { return headCount }
    if name.contains("self_attn.k_proj.") { return keyValueHeadCount }
    return nil
  }

  /// The name of the architecture in GGUF.
  public var ggufArchitecture: String { family == .qwen2 ? "qwen2" : "llama" }
}
