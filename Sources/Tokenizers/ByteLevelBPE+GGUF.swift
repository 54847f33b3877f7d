public import Formats

extension ByteLevelBPE {
  /// Reads the vocabulary that a GGUF model carries.
  public init(gguf file: GGUFFile) throws {
    let format = "GGUF file"
    let model = try file.value("tokenizer.ggml.model").text ?? ""
    guard model == "gpt2" else {
      throw FormatError.unsupported(
        format: format, field: "tokenizer.ggml.model", found: model, supported: "gpt2")
    }
    let pre = file.metadata["tokenizer.ggml.pre"]?.text ?? "gpt-2"
    guard let rule = CuttingRule(rawValue: pre) else {
      throw FormatError.unsupported(
        format: format, field: "tokenizer.ggml.pre", found: pre,
        supported: "gpt-2, smollm, qwen2 or llama-bpe")
    }
    guard let names = try file.value("tokenizer.ggml.tokens").texts,
      let joins = try file.value("tokenizer.ggml.merges").texts
    else { throw FormatError.missing(format: format, field: "tokenizer.ggml.tokens") }
    let types = file.metadata["tokenizer.ggml.token_type"]?.integers ?? []
    var pieces: [[UInt8]] = []
    /// The names of every id, to find the parts of merges by.
    var spelled: [[UInt8]] = []
    var specials: [AddedToken] = []
    for (id, name) in names.enumerated() {
      let type = types.indices.contains(id) ? GGUFTokenType(rawValue: types[id]) : .normal
      switch type {
      case .control, .userDefined:
        specials.append(AddedToken(id: Int32(id), content: name, isSpecial: type == .control))
      case .unused:
        pieces.append([])
        spelled.append([])
        continue
      default: break
      }
      // A name may also be a piece that merges make.
      spelled.append(Array(name.utf8))
      pieces.append(ByteAlphabet.bytes(name) ?? Array(name.utf8))
    }
    let ids = PieceTable(spelled, order: spelled.indices)
    var merges: [(left: Int32, right: Int32)] = []
    merges.reserveCapacity(joins.count)
    for (rank, join) in joins.enumerated() {
      var join = join
      let merge = join.withUTF8 { text -> (left: Int32, right: Int32)? in
        guard let space = text.firstIndex(of: 0x20),
          let left = ids[UnsafeBufferPointer(rebasing: text[..<space])],
          let right = ids[UnsafeBufferPointer(rebasing: text[(space + 1)...])]
        else { return nil }
        return (left, right)
      }
      guard let merge else { throw VocabularyError.mergeWithoutPiece(rank: rank) }
      merges.append(merge)
    }
    func id(_ key: String) -> Int32? {
      file.metadata["tokenizer.ggml.\(key)"]?.int.flatMap { Int32(exactly: $0) }
    }
    let start = id("bos_token_id")
    var pipeline = TextPipeline(rule, added: specials)
    // Where the key is missing, llama.cpp begins texts of Llama 3's kind with it, and no others.
    let addsStart = file.metadata["tokenizer.ggml.add_bos_token"]?.bool ?? (rule == .llama3)
    if addsStart, let start {
      pipeline.postProcessor.prefix = [start]
    }
    try self.init(
      pieces: pieces, merges: merges, pipeline: pipeline, rule: rule,
      ignoresMerges: rule == .llama3, bosID: start,
      eosIDs: [id("eos_token_id")].compactMap { $0 }, losesBytes: true)
  }

  /// The metadata by which llama.cpp knows this vocabulary.
  /// - Parameter count: rows of the model's embedding; those beyond the vocabulary become unused
  ///   tokens.
  /// - Throws: if llama.cpp has no name for how the vocabulary cuts words.
  public func ggufMetadata(
    count: Int
  ) throws(FormatError) -> [(key: String, value: GGUFValue)] {
    let rule = try namedRule(format: "GGUF file", field: "tokenizer.ggml.pre")
    var names: [String] = []
    var types: [Int32] = []
    var kinds: [Int32: GGUFTokenType] = [:]
    for special in specials { kinds[special.id] = special.isSpecial ? .control : .userDefined }
    for id in 0..<Int32(max(count, pieces.count)) {
      let isThere = Int(id) < pieces.count && !pieces[Int(id)].isEmpty
      names.append(isThere ? piece(of: id) : "[PAD\(id)]")
      types.append((isThere ? kinds[id] ?? .normal : .unused).rawValue)
    }
    var metadata: [(key: String, value: GGUFValue)] = [
      ("tokenizer.ggml.model", .string("gpt2")),
      ("tokenizer.ggml.pre", .string(rule.rawValue)),
      ("tokenizer.ggml.tokens", .strings(names)),
      ("tokenizer.ggml.token_type", .int32s(types)),
      (
        "tokenizer.ggml.merges",
        .strings(merges.map { names[Int($0.left)] + " " + names[Int($0.right)] })
      ),
    ]
    if let bosID { metadata.append(("tokenizer.ggml.bos_token_id", .uint32(UInt32(bosID)))) }
    if let eosID = eosIDs.first {
      metadata.append(("tokenizer.ggml.eos_token_id", .uint32(UInt32(eosID))))
    }
    metadata.append(
      ("tokenizer.ggml.add_bos_token", .bool(bosID != nil && prefixIDs.first == bosID)))
    metadata.append(("tokenizer.ggml.add_eos_token", .bool(false)))
    return metadata
  }
}

/// Names the kinds of tokens that GGUF tells apart.
enum GGUFTokenType: Int32 {
  case normal = 1
  case unknown = 2
  case control = 3
  case userDefined = 4
  case unused = 5
  case byte = 6
}
