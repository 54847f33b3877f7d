public import Formats

extension SentencePieces {
  /// Reads the vocabulary that a GGUF model of the `llama` kind carries.
  public init(gguf file: GGUFFile) throws(FormatError) {
    let format = "GGUF file"
    guard let texts = try file.value("tokenizer.ggml.tokens").texts,
      case .floats(let scores) = try file.value("tokenizer.ggml.scores"),
      scores.count == texts.count
    else { throw .missing(format: format, field: "tokenizer.ggml.tokens and scores") }
    let types = file.metadata["tokenizer.ggml.token_type"]?.integers ?? []
    let kinds = texts.indices.map { id -> GGUFTokenType in
      types.indices.contains(id) ? GGUFTokenType(rawValue: types[id]) ?? .normal : .normal
    }
    // Tokens that are found by name are found in text as it is, before spaces get marks.
    let names = zip(texts, kinds).map { text, kind in
      kind == .normal ? PreTokenizer.replacing(text.utf8, 0x20, by: Self.mark) : Array(text.utf8)
    }
    if file.metadata["tokenizer.ggml.add_space_prefix"]?.bool == false {
      throw .unsupported(
        format: format, field: "tokenizer.ggml.add_space_prefix", found: "false",
        supported: "a space before texts")
    }
    func id(_ key: String) -> Int32? {
      guard let id = file.metadata["tokenizer.ggml.\(key)"]?.int, names.indices.contains(id) else {
        return nil
      }
      return Int32(id)
    }
    self.init(
      names: names, kinds: kinds, scores: scores,
      unknownID: id("unknown_token_id") ?? kinds.firstIndex(of: .unknown).map { Int32($0) },
      bosID: id("bos_token_id") ?? 1, eosIDs: [id("eos_token_id") ?? 2],
      addsBOS: file.metadata["tokenizer.ggml.add_bos_token"]?.bool ?? true)
    guard byteIDs.allSatisfy({ $0 >= 0 }) else {
      throw .unsupported(
        format: format, field: "tokenizer.ggml.token_type", found: "not a piece for every byte",
        supported: "a vocabulary of Llama's kind")
    }
  }

  /// The metadata by which llama.cpp knows this vocabulary.
  public func ggufMetadata(
    count: Int
  ) throws(FormatError) -> [(key: String, value: GGUFValue)] {
    if case .unigram = model {
      throw .unsupported(
        format: "GGUF file", field: "tokenizer.ggml.model", found: "a unigram vocabulary",
        supported: "a BPE vocabulary")
    }
    guard byteIDs.allSatisfy({ $0 >= 0 }) else {
      throw .unsupported(
        format: "GGUF file", field: "tokenizer.ggml.token_type",
        found: "not a piece for every byte, which llama.cpp needs",
        supported: "a byte-level vocabulary or one with byte_fallback")
    }
    guard LlamaLikeness(pipeline) != nil else {
      throw .unsupported(
        format: "GGUF file", field: "tokenizer.ggml.model",
        found: "a vocabulary with other steps than Llama's",
        supported: "a byte-level vocabulary or one of Llama's kind")
    }
    var names: [String] = []
    var types: [Int32] = []
    for id in 0..<max(count, vocabularyCount) {
      guard id < vocabularyCount, !self.names[id].isEmpty else {
        names.append("[PAD\(id)]")
        types.append(GGUFTokenType.unused.rawValue)
        continue
      }
      names.append(String(decoding: self.names[id], as: UTF8.self))
      types.append(kinds[id].rawValue)
    }
    let padded = scores + Array(repeating: -1e9, count: names.count - scores.count)
    var metadata: [(key: String, value: GGUFValue)] = [
      ("tokenizer.ggml.model", .string("llama")),
      ("tokenizer.ggml.tokens", .strings(names)),
      ("tokenizer.ggml.scores", .floats(padded)),
      ("tokenizer.ggml.token_type", .int32s(types)),
    ]
    let ids = [("bos", bosID), ("eos", eosIDs.first), ("unknown", unknownID)]
    for case (let name, let id?) in ids {
      metadata.append(("tokenizer.ggml.\(name)_token_id", .uint32(UInt32(id))))
    }
    metadata.append(("tokenizer.ggml.add_bos_token", .bool(prefixIDs.contains { $0 == bosID })))
    metadata.append(
      ("tokenizer.ggml.add_eos_token", .bool(suffixIDs.contains { eosIDs.contains($0) })))
    metadata.append(("tokenizer.ggml.add_space_prefix", .bool(true)))
    return metadata
  }

  public var ggufDifference: String? { LlamaLikeness(pipeline)?.difference }
}
