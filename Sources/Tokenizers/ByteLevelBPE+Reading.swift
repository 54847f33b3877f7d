import Formats

extension ByteLevelBPE {
  private static let format = "tokenizer.json"

  /// Reads a Hugging Face `tokenizer.json`, and which ids start and end texts from
  /// `tokenizer_config.json`.
  public init(json: some Collection<UInt8>, config: [UInt8]? = nil) throws {
    let root = try JSONNode(parsing: json, format: Self.format)
    guard let model = root["model"], let vocabulary = model["vocab"]?.members else {
      throw FormatError.missing(format: Self.format, field: "model.vocab")
    }
    if let type = model["type"]?.text, type != "BPE" {
      throw FormatError.unsupported(
        format: Self.format, field: "model.type", found: type, supported: "a BPE vocabulary")
    }
    for field in ["byte_fallback", "ignore_merges"] where model[field]?.bool == true {
      throw FormatError.unsupported(
        format: Self.format, field: "model.\(field)", found: "true",
        supported: "a byte-level BPE vocabulary")
    }
    let rule = try Self.rule(root)
    var specials: [Special] = []
    for token in root["added_tokens"]?.elements ?? [] {
      guard let id = token["id"]?.int, let id = Int32(exactly: id), id >= 0,
        let content = token["content"]?.text
      else {
        throw FormatError.invalid(
          format: Self.format, field: "added_tokens", found: "no id or content")
      }
      specials.append(
        Special(id: id, content: content, isControl: token["special"]?.bool ?? false))
    }
    let named = vocabulary.map { ($0.name, $0.value.int ?? -1) }
    let parts = try Self.parts(model["merges"]?.elements ?? [])
    try self.init(vocabulary: named, merges: parts, specials: specials, rule: rule)
    try setEnds(config: config)
  }

  /// Reads GPT-2's `vocab.json` and `merges.txt`.
  /// - Parameter specials: names in the vocabulary, or beyond it, that stand for themselves.
  public init(
    vocabulary json: some Collection<UInt8>, mergesText: String,
    specials: [Special] = [], rule: CuttingRule = .gpt2, config: [UInt8]? = nil
  ) throws {
    let root = try JSONNode(parsing: json, format: "vocab.json")
    guard let members = root.members else {
      throw FormatError.invalid(format: "vocab.json", field: "content", found: "no JSON object")
    }
    var parts: [(String, String)] = []
    for line in mergesText.split(whereSeparator: \.isNewline) where !line.hasPrefix("#version") {
      let pair = line.split(separator: " ")
      guard pair.count == 2 else {
        throw FormatError.invalid(
          format: "merges.txt", field: "line", found: String(line.prefix(80)))
      }
      parts.append((String(pair[0]), String(pair[1])))
    }
    let named = members.map { ($0.name, $0.value.int ?? -1) }
    var found = specials
    if found.isEmpty, let end = named.first(where: { $0.0 == "<|endoftext|>" }) {
      found = [Special(id: Int32(clamping: end.1), content: end.0)]
    }
    try self.init(vocabulary: named, merges: parts, specials: found, rule: rule)
    try setEnds(config: config)
  }

  private init(
    vocabulary: [(String, Int)], merges: [(String, String)], specials: [Special], rule: CuttingRule
  ) throws {
    let largest = 1 << 24
    let top = max(vocabulary.map(\.1).max() ?? 0, specials.map { Int($0.id) }.max() ?? 0)
    guard top < largest else {
      throw FormatError.invalid(format: Self.format, field: "vocab", found: "id \(top)")
    }
    var pieces: [[UInt8]] = Array(repeating: [], count: top + 1)
    var ids: [String: Int32] = [:]
    ids.reserveCapacity(vocabulary.count)
    for (name, id) in vocabulary {
      guard id >= 0 else {
        throw FormatError.invalid(format: Self.format, field: "vocab.\(name)", found: "no id")
      }
      // Special names need not be spelled in the alphabet.
      pieces[id] = ByteAlphabet.bytes(name) ?? Array(name.utf8)
      ids[name] = Int32(id)
    }
    for special in specials { pieces[Int(special.id)] = Array(special.content.utf8) }
    var pairs: [(left: Int32, right: Int32)] = []
    pairs.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      guard let left = ids[merge.0], let right = ids[merge.1] else {
        throw VocabularyError.mergeWithoutPiece(rank: rank)
      }
      pairs.append((left, right))
    }
    try self.init(pieces: pieces, merges: pairs, specials: specials, rule: rule)
  }

  /// Merges as `"a b"` (older files) or `["a", "b"]`.
  private static func parts(_ nodes: [JSONNode]) throws(FormatError) -> [(String, String)] {
    var parts: [(String, String)] = []
    parts.reserveCapacity(nodes.count)
    for node in nodes {
      if let text = node.text, let space = text.utf8.firstIndex(of: 0x20) {
        parts.append((String(text[..<space]), String(text[text.utf8.index(after: space)...])))
      } else if let pair = node.elements, pair.count == 2, let a = pair[0].text,
        let b = pair[1].text
      {
        parts.append((a, b))
      } else {
        throw .invalid(format: format, field: "model.merges[\(parts.count)]", found: "no pair")
      }
    }
    return parts
  }

  /// The rule for words that a pre-tokenizer describes.
  private static func rule(_ root: JSONNode) throws(FormatError) -> CuttingRule {
    let node = root["pre_tokenizer"] ?? .null
    var steps = node["type"]?.text == "Sequence" ? node["pretokenizers"]?.elements ?? [] : [node]
    func unsupported(_ field: String, _ node: JSONNode) -> FormatError {
      .unsupported(
        format: format, field: field,
        found: String(String(decoding: node.bytes(), as: UTF8.self).prefix(120)),
        supported: "the words of GPT-2, SmolLM or Qwen2")
    }
    guard let last = steps.popLast(), last["type"]?.text == "ByteLevel",
      last["add_prefix_space"]?.bool != true
    else { throw unsupported("pre_tokenizer", node) }
    let normalizer = root["normalizer"] ?? .null
    if steps.isEmpty, last["use_regex"]?.bool != false {
      guard normalizer.isNull else { throw unsupported("normalizer", normalizer) }
      return .gpt2
    }
    guard steps.count == 1 else { throw unsupported("pre_tokenizer", node) }
    if steps[0]["type"]?.text == "Digits", steps[0]["individual_digits"]?.bool == true,
      last["use_regex"]?.bool != false, normalizer.isNull
    {
      return .digitsApart
    }
    if steps[0]["type"]?.text == "Split", steps[0]["pattern"]?["Regex"]?.text == qwen2Expression,
      last["use_regex"]?.bool == false, normalizer["type"]?.text == "NFC"
    {
      return .qwen2
    }
    throw unsupported("pre_tokenizer", node)
  }

  static let qwen2Expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// Finds which ids start and end texts: named by the config, else `<|endoftext|>`.
  private mutating func setEnds(config: [UInt8]?) throws(FormatError) {
    let node = try config.map { bytes throws(FormatError) in
      try JSONNode(parsing: bytes, format: "tokenizer_config.json")
    }
    func id(_ field: String) -> Int32? {
      guard let value = node?[field] else { return nil }
      return (value.text ?? value["content"]?.text).flatMap(special)
    }
    let fallback = special("<|endoftext|>")
    bosID = id("bos_token") ?? (node == nil ? fallback : nil)
    eosIDs = [id("eos_token") ?? fallback].compactMap { $0 }
  }
}
