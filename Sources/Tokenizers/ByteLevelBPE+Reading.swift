import Formats

extension ByteLevelBPE {
  static let format = "tokenizer.json"

  /// Reads a Hugging Face `tokenizer.json`, and which ids start and end texts from
  /// `tokenizer_config.json`.
  public init(json: some Collection<UInt8>, config: [UInt8]? = nil) throws {
    try self.init(root: JSONNode(parsing: json, format: Self.format), config: config)
  }

  init(root: JSONNode, config: [UInt8]?) throws {
    guard let model = root["model"], let vocabulary = model["vocab"]?.members else {
      throw FormatError.missing(format: Self.format, field: "model.vocab")
    }
    if let type = model["type"]?.text, type != "BPE" {
      throw FormatError.unsupported(
        format: Self.format, field: "model.type", found: type, supported: "BPE or Unigram")
    }
    try Self.refuseOtherMerging(model)
    if model["byte_fallback"]?.bool == true {
      throw FormatError.unsupported(
        format: Self.format, field: "model.byte_fallback", found: "true",
        supported: "a byte-level vocabulary")
    }
    let pipeline = try TextPipeline(root)
    guard case .byteLevel? = pipeline.preTokenizer.steps.last else {
      throw FormatError.unsupported(
        format: Self.format, field: "pre_tokenizer", found: "no ByteLevel as its last step",
        supported: "a byte-level vocabulary")
    }
    let named = vocabulary.map { ($0.name, $0.value.int ?? -1) }
    try self.init(
      vocabulary: named, merges: try Self.parts(model["merges"]?.elements ?? []),
      pipeline: pipeline, rule: pipeline.preTokenizer.rule,
      ignoresMerges: model["ignore_merges"]?.bool ?? false,
      losesBytes: model["unk_token"]?.text == nil)
    try setEnds(config: config)
  }

  /// Reads GPT-2's `vocab.json` and `merges.txt`.
  /// - Parameter specials: names in the vocabulary, or beyond it, that stand for themselves.
  public init(
    vocabulary json: some Collection<UInt8>, mergesText: String,
    specials: [AddedToken] = [], rule: CuttingRule = .gpt2, config: [UInt8]? = nil
  ) throws {
    let root = try JSONNode(parsing: json, format: "vocab.json")
    guard let members = root.members else {
      throw FormatError.invalid(format: "vocab.json", field: "content", found: "no JSON object")
    }
    var parts: [(Substring, Substring)] = []
    // Only line feeds end lines: other line ends may be parts of pieces.
    for line in mergesText.utf8.split(separator: 0x0a).map(Substring.init)
    where !line.utf8.starts(with: "#version".utf8) {
      let pair = line.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
        .map { Substring($0) }
      if line.utf8.elementsEqual([0x0d]) { continue }
      guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else {
        throw FormatError.invalid(
          format: "merges.txt", field: "line", found: String(line.prefix(80)))
      }
      let right = pair[1].utf8.last == 0x0d ? Substring(pair[1].utf8.dropLast()) : pair[1]
      parts.append((pair[0], right))
    }
    let named = members.map { ($0.name, $0.value.int ?? -1) }
    var found = specials
    if found.isEmpty, let end = named.first(where: { $0.0 == "<|endoftext|>" }) {
      found = [AddedToken(id: Int32(clamping: end.1), content: end.0)]
    }
    try self.init(
      vocabulary: named, merges: parts, pipeline: TextPipeline(rule, added: found), rule: rule,
      ignoresMerges: rule == .llama3, losesBytes: true)
    try setEnds(config: config)
  }

  private init(
    vocabulary: [(String, Int)], merges: [(Substring, Substring)], pipeline: TextPipeline,
    rule: CuttingRule?, ignoresMerges: Bool, losesBytes: Bool
  ) throws {
    let largest = Self.mostIDs(vocabulary.count + pipeline.added.count)
    let top = max(
      vocabulary.lazy.map(\.1).max() ?? 0, pipeline.added.lazy.map { Int($0.id) }.max() ?? 0)
    guard top < largest else {
      throw FormatError.invalid(format: Self.format, field: "vocab", found: "id \(top)")
    }
    var pieces: [[UInt8]] = Array(repeating: [], count: top + 1)
    /// The ids that words are made of: spelled in the alphabet.
    var spelled = [Bool](repeating: false, count: top + 1)
    for (name, id) in vocabulary {
      guard id >= 0 else {
        throw FormatError.invalid(format: Self.format, field: "vocab.\(name)", found: "no id")
      }
      guard pieces[id].isEmpty else {
        throw FormatError.invalid(
          format: Self.format, field: "vocab.\(name)", found: "id \(id) again")
      }
      let bytes = ByteAlphabet.bytes(name)
      // Special names need not be spelled in the alphabet.
      pieces[id] = bytes ?? Array(name.utf8)
      spelled[id] = bytes != nil
    }
    for token in pipeline.added where pieces[Int(token.id)].isEmpty {
      // A name of the alphabet's letters is decoded like any piece.
      pieces[Int(token.id)] = ByteAlphabet.bytes(token.content) ?? Array(token.content.utf8)
    }
    let ids = PieceTable(pieces, order: pieces.indices.lazy.filter { spelled[$0] })
    var pairs: [(left: Int32, right: Int32)] = []
    pairs.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      guard let left = ByteAlphabet.bytes(merge.0).flatMap({ ids[$0] }),
        let right = ByteAlphabet.bytes(merge.1).flatMap({ ids[$0] })
      else { throw VocabularyError.mergeWithoutPiece(rank: rank) }
      pairs.append((left, right))
    }
    try self.init(
      pieces: pieces, merges: pairs, pipeline: pipeline, rule: rule, ignoresMerges: ignoresMerges,
      ids: ids, losesBytes: losesBytes)
  }

  /// The ids that so many names may have: there are gaps, but a small file must not ask for much
  /// memory.
  static func mostIDs(_ count: Int) -> Int { min(4 * count + (1 << 16), 1 << 24) }

  /// Refuses what would join a BPE model's pieces otherwise.
  static func refuseOtherMerging(_ model: JSONNode) throws(FormatError) {
    for field in ["continuing_subword_prefix", "end_of_word_suffix"]
    where model[field]?.text?.isEmpty == false {
      throw .unsupported(
        format: format, field: "model.\(field)", found: model[field]?.text ?? "",
        supported: "no marks inside words")
    }
    if let dropout = model["dropout"]?.number, dropout != 0 {
      throw .unsupported(
        format: format, field: "model.dropout", found: "\(dropout)",
        supported: "dropout null: a text has the same ids every time")
    }
  }

  /// Merges as `"a b"` (older files) or `["a", "b"]`.
  static func parts(_ nodes: [JSONNode]) throws(FormatError) -> [(Substring, Substring)] {
    var parts: [(Substring, Substring)] = []
    parts.reserveCapacity(nodes.count)
    for node in nodes {
      if let text = node.text, let space = text.utf8.firstIndex(of: 0x20) {
        parts.append((text[..<space], text[text.utf8.index(after: space)...]))
      } else if let pair = node.elements, pair.count == 2, let a = pair[0].text,
        let b = pair[1].text
      {
        parts.append((a[...], b[...]))
      } else {
        throw .invalid(format: format, field: "model.merges[\(parts.count)]", found: "no pair")
      }
    }
    return parts
  }

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
    bosID = id("bos_token") ?? prefixIDs.first ?? (node == nil ? fallback : nil)
    eosIDs = [id("eos_token") ?? fallback].compactMap { $0 }
  }
}
