public import Bytes
public import Formats

/// Opens the tokenizer of a model's folder or file, whatever its format.
public enum TokenizerFolder {
  /// The names of the files a folder in Hugging Face's layout has.
  public static let fileName = "tokenizer.json"
  public static let configName = "tokenizer_config.json"
  /// The name of a SentencePiece model, and of the tokens that were added to a vocabulary later.
  public static let modelName = "tokenizer.model"
  public static let addedName = "added_tokens.json"

  /// Whether a folder holds a tokenizer.
  public static func isThere(in paths: [String]) -> Bool {
    paths.contains(fileName) || paths.contains("vocab.json") || paths.contains(modelName)
      || paths.contains { $0.hasSuffix(".gguf") || isLlama2C($0) }
  }

  /// - Parameters:
  ///   - paths: the files of the folder; one empty path for a single GGUF file.
  ///   - map: maps one of them.
  ///   - gguf: the folder's GGUF model, where somebody has read it already.
  ///   - rows: those of the model's embedding, where they are known: of several `tok….bin` the one is
  ///     taken that has as many pieces.
  public static func open(
    paths: [String], map: (String) throws -> MappedFile, gguf: GGUFFile? = nil, rows: Int? = nil
  ) throws -> any Tokenizer {
    func bytes(_ path: String) throws -> [UInt8]? {
      paths.contains(path) ? try map(path).copied() : nil
    }
    let config = try bytes(configName)
    if let json = try bytes(fileName) {
      return try open(json: json, config: config, model: try bytes("config.json"))
    }
    if let vocabulary = try bytes("vocab.json"), let merges = try bytes("merges.txt") {
      let tokenizer = try ByteLevelBPE(
        vocabulary: vocabulary, mergesText: String(decoding: merges, as: UTF8.self),
        specials: try specials(config, added: try bytes(addedName)),
        rule: try rule(config), config: config)
      return try withEnds(tokenizer, config, try bytes("config.json"))
    }
    if let model = try bytes(modelName) {
      return try SentencePieces(
        model: model,
        config: try config.map { try JSONNode(parsing: $0, format: configName) } ?? .null,
        more: try specials(config, added: try bytes(addedName)))
    }
    if let path = paths.first(where: { $0.hasSuffix(".gguf") && !$0.contains("adapter") }) {
      return try open(gguf ?? GGUFFile(map(path)))
    }
    let lists = paths.filter(isLlama2C)
    if !lists.isEmpty {
      let all = try lists.map { try SentencePieces(llama2C: try map($0)) }
      return all.first { $0.vocabularyCount == rows } ?? all[0]
    }
    if paths == [""] { return try open(gguf ?? GGUFFile(map(""))) }
    if paths.count == 1, isSentencePiece(paths[0]) {
      return try SentencePieces(model: map(paths[0]).copied())
    }
    throw FormatError.missing(
      format: "model folder",
      field: "tokenizer.json, vocab.json with merges.txt, tokenizer.model, or a .gguf")
  }

  private static func open(
    json: [UInt8], config: [UInt8]?, model: [UInt8]?
  ) throws -> any Tokenizer {
    let root = try JSONNode(parsing: json, format: fileName)
    let steps = try PreTokenizer(root["pre_tokenizer"] ?? .null).steps
    if case .byteLevel? = steps.last, root["model"]?["type"]?.text != "Unigram" {
      return try withEnds(ByteLevelBPE(root: root, config: config), config, model)
    }
    switch root["model"]?["type"]?.text {
    case "BPE", "Unigram": break
    case let other:
      throw FormatError.unsupported(
        format: fileName, field: "model.type", found: other ?? "none", supported: "BPE or Unigram")
    }
    return try SentencePieces(
      root: root,
      config: try config.map { try JSONNode(parsing: $0, format: configName) } ?? .null)
  }

  private static func open(_ file: GGUFFile) throws -> any Tokenizer {
    file.metadata["tokenizer.ggml.model"]?.text == "llama"
      ? try SentencePieces(gguf: file) : try ByteLevelBPE(gguf: file)
  }

  /// The files beside a single file of a model that turn text into its ids: llama2.c keeps them
  /// apart, `tokenizer.bin` or `tok512.bin`; none for files that have their own.
  /// - Parameter names: what lies in the same folder.
  public static func beside(_ file: String, of names: [String]) -> [String] {
    guard file.hasSuffix(".bin"), !isLlama2C(file) else { return [] }
    return names.filter(isLlama2C).sorted()
  }

  private static func isLlama2C(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return name.hasPrefix("tok") && name.hasSuffix(".bin")
  }

  /// Whether a file named by itself is a SentencePiece model; `.v1` and such may follow.
  private static func isSentencePiece(_ path: String) -> Bool {
    path.hasSuffix(".model") || path.contains(".model.")
  }

  /// The rule of words that the class named by the config goes by.
  private static func rule(_ config: [UInt8]?) throws -> CuttingRule {
    guard let config else { return .gpt2 }
    let name = try JSONNode(parsing: config, format: configName)["tokenizer_class"]?.text
    switch name {
    case "Qwen2Tokenizer", "Qwen2TokenizerFast": return .qwen2
    case nil, "GPT2Tokenizer", "GPT2TokenizerFast": return .gpt2
    case let other?:
      // How words are cut stands nowhere in vocab.json and merges.txt.
      throw FormatError.unsupported(
        format: configName, field: "tokenizer_class", found: other,
        supported: "a tokenizer.json, or the class GPT2Tokenizer or Qwen2Tokenizer")
    }
  }

  /// The ends that the model's own config names, where the tokenizer's config is not there.
  private static func withEnds(
    _ tokenizer: ByteLevelBPE, _ own: [UInt8]?, _ model: [UInt8]?
  ) throws -> ByteLevelBPE {
    guard own == nil, let model else { return tokenizer }
    var tokenizer = tokenizer
    let config = try ModelConfig(json: model)
    func known(_ id: Int32) -> Bool { id < tokenizer.vocabularyCount }
    if let bos = config.bosID, known(bos) { tokenizer.bosID = bos }
    let ends = config.eosIDs.filter(known)
    if !ends.isEmpty { tokenizer.eosIDs = ends }
    return tokenizer
  }

  /// The tokens that `tokenizer_config.json` lists under `added_tokens_decoder`, and those of
  /// `added_tokens.json` besides, which is without their flags: special are those that the config
  /// names elsewhere, and those called as such are.
  private static func specials(_ config: [UInt8]?, added: [UInt8]?) throws -> [AddedToken] {
    var tokens: [AddedToken] = []
    var named: Set<String> = []
    if let config {
      let node = try JSONNode(parsing: config, format: configName)
      for member in node.members ?? [] {
        let values: [JSONNode]
        if member.name == "additional_special_tokens" {
          values = member.value.elements ?? []
        } else {
          values = member.name.hasSuffix("_token") ? [member.value] : []
        }
        named.formUnion(values.compactMap { $0.text ?? $0["content"]?.text })
      }
      for member in node["added_tokens_decoder"]?.members ?? [] {
        guard let id = Int32(member.name), (0..<1 << 24).contains(id),
          let content = member.value["content"]?.text
        else {
          throw FormatError.invalid(
            format: configName, field: "added_tokens_decoder.\(member.name)", found: "no token")
        }
        tokens.append(AddedToken(member.value, id: id, content: content))
      }
    }
    if let added {
      let known = Set(tokens.map(\.id))
      for member in try JSONNode(parsing: added, format: addedName).members ?? [] {
        guard let id = member.value.int.flatMap({ Int32(exactly: $0) }), (0..<1 << 24).contains(id)
        else {
          throw FormatError.invalid(
            format: addedName, field: member.name, found: "no id")
        }
        if !known.contains(id) {
          tokens.append(
            AddedToken(
              id: id, content: member.name,
              isSpecial: named.contains(member.name)
                || member.name.hasPrefix("<|") && member.name.hasSuffix("|>")))
        }
      }
    }
    return tokens
  }
}
