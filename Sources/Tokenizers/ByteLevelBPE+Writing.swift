public import Formats

extension ByteLevelBPE {
  /// The `tokenizer.json` that Hugging Face tokenizers loads.
  /// - Throws: if the steps that cut words have no name here.
  public func json() throws(FormatError) -> [UInt8] {
    let rule = try namedRule(format: "tokenizer.json", field: "pre_tokenizer")
    let controlIDs = specials.sorted { $0.id < $1.id }
    let added = controlIDs.map { special in
      JSONNode.object([
        "id": .int(Int(special.id)),
        "content": .string(special.content),
        "single_word": .bool(special.isSingleWord),
        "lstrip": .bool(special.stripsLeft),
        "rstrip": .bool(special.stripsRight),
        "normalized": .bool(special.isNormalized),
        "special": .bool(special.isSpecial),
      ])
    }
    let vocabulary = pieces.indices.filter { !pieces[$0].isEmpty }.map {
      JSONMember(piece(of: Int32($0)), .int($0))
    }
    let joined = merges.map {
      JSONNode.string(piece(of: $0.left) + " " + piece(of: $0.right))
    }
    return JSONNode.object([
      "version": .string("1.0"),
      "truncation": .null,
      "padding": .null,
      "added_tokens": .array(added),
      "normalizer": rule == .qwen2 ? .object(["type": .string("NFC")]) : .null,
      "pre_tokenizer": Self.preTokenizer(rule),
      "post_processor": postProcessor,
      "decoder": Self.byteLevel(regex: true),
      "model": .object([
        "type": .string("BPE"),
        "dropout": .null,
        "unk_token": .null,
        "continuing_subword_prefix": .null,
        "end_of_word_suffix": .null,
        "fuse_unk": .bool(false),
        "byte_fallback": .bool(false),
        "ignore_merges": .bool(ignoresMerges),
        "vocab": .object(vocabulary),
        "merges": .array(joined),
      ]),
    ]).indentedBytes(sorted: false)
  }

  /// What puts `prefixIDs` and `suffixIDs` around texts; null where there are none.
  private var postProcessor: JSONNode {
    guard !prefixIDs.isEmpty || !suffixIDs.isEmpty else { return .null }
    func token(_ id: Int32, _ type: Int) -> JSONNode {
      .object([
        "SpecialToken": .object(["id": .string(piece(of: id)), "type_id": .int(type)])
      ])
    }
    func text(_ name: String, _ type: Int) -> [JSONNode] {
      prefixIDs.map { token($0, type) }
        + [.object(["Sequence": .object(["id": .string(name), "type_id": .int(type)])])]
        + suffixIDs.map { token($0, type) }
    }
    let members = Set(prefixIDs + suffixIDs).sorted().map { id in
      let name = JSONNode.string(piece(of: id))
      return JSONMember(
        piece(of: id),
        .object(["id": name, "ids": .array([.int(Int(id))]), "tokens": .array([name])]))
    }
    return .object([
      "type": .string("TemplateProcessing"),
      "single": .array(text("A", 0)),
      "pair": .array(text("A", 0) + text("B", 1)),
      "special_tokens": .object(members),
    ])
  }

  /// The rule that cuts words, for formats that name it.
  func namedRule(format: String, field: String) throws(FormatError) -> CuttingRule {
    if let rule { return rule }
    throw .unsupported(
      format: format, field: field, found: "steps that no rule stands for",
      supported: "the words of GPT-2, SmolLM, Qwen2 or Llama 3")
  }

  private static func byteLevel(regex: Bool) -> JSONNode {
    .object([
      "type": .string("ByteLevel"),
      "add_prefix_space": .bool(false),
      "trim_offsets": .bool(true),
      "use_regex": .bool(regex),
    ])
  }

  private static func preTokenizer(_ rule: CuttingRule) -> JSONNode {
    func sequence(_ first: JSONNode, regex: Bool) -> JSONNode {
      .object([
        "type": .string("Sequence"),
        "pretokenizers": .array([first, byteLevel(regex: regex)]),
      ])
    }
    switch rule {
    case .gpt2: return byteLevel(regex: true)
    case .digitsApart:
      return sequence(
        .object(["type": .string("Digits"), "individual_digits": .bool(true)]), regex: true)
    case .qwen2, .llama3:
      return sequence(
        .object([
          "type": .string("Split"),
          "pattern": .object(["Regex": .string(rule.expression ?? "")]),
          "behavior": .string("Isolated"),
          "invert": .bool(false),
        ]), regex: false)
    }
  }

  /// The `tokenizer_config.json` beside it.
  public func configJSON(maximumLength: Int? = nil) -> [UInt8] {
    var members = [
      JSONMember("add_prefix_space", .bool(false)),
      JSONMember("clean_up_tokenization_spaces", .bool(false)),
      JSONMember("tokenizer_class", .string("PreTrainedTokenizerFast")),
    ]
    if let bosID { members.append(JSONMember("bos_token", .string(piece(of: bosID)))) }
    if let eosID = eosIDs.first {
      members.append(JSONMember("eos_token", .string(piece(of: eosID))))
      members.append(JSONMember("pad_token", .string(piece(of: eosID))))
    }
    if let maximumLength { members.append(JSONMember("model_max_length", .int(maximumLength))) }
    return JSONNode.object(members).indentedBytes()
  }
}
