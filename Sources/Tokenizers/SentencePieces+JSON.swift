import Formats

extension SentencePieces {
  private static let format = "tokenizer.json"

  /// Reads a tokenizer.json whose vocabulary is not byte-level.
  init(root: JSONNode, config: JSONNode) throws(FormatError) {
    guard let model = root["model"] else { throw .missing(format: Self.format, field: "model") }
    let pipeline = try TextPipeline(root)
    if case .byteLevel? = pipeline.preTokenizer.steps.last {
      throw .unsupported(
        format: Self.format, field: "pre_tokenizer", found: "ByteLevel before a unigram vocabulary",
        supported: "Metaspace")
    }
    let isUnigram = model["type"]?.text == "Unigram"
    if !isUnigram { try ByteLevelBPE.refuseOtherMerging(model) }
    let (names, ownScores, isOwn) = try Self.vocabulary(
      model, added: pipeline.added, isUnigram: isUnigram)
    let fallsBack = model["byte_fallback"]?.bool ?? false
    var kinds = [GGUFTokenType](repeating: .normal, count: names.count)
    for id in names.indices where !isOwn[id] { kinds[id] = .unused }
    for token in pipeline.added { kinds[Int(token.id)] = token.isSpecial ? .control : .userDefined }
    if fallsBack {
      for id in names.indices where PieceDecoder.fallbackByte(names[id]) != nil {
        kinds[id] = .byte
      }
    }
    // The vocabulary's own pieces are found whatever they are called.
    let order = names.indices.filter { isOwn[$0] }
    let ids = PieceTable(names, order: isUnigram ? order.reversed() : order)
    var unknownID: Int32?
    var scores = ownScores.map { Float($0) }
    let made: Model
    if isUnigram {
      if let id = model["unk_id"]?.int {
        guard order.contains(id) else {
          throw .invalid(format: Self.format, field: "model.unk_id", found: "\(id)")
        }
        unknownID = Int32(id)
      }
      made = .unigram(
        Unigram(
          Array(names[..<order.count]), scores: Array(ownScores[..<order.count]),
          unknownID: unknownID))
    } else {
      if let name = model["unk_token"]?.text {
        guard let id = ids[Array(name.utf8)] else {
          throw .invalid(format: Self.format, field: "model.unk_token", found: name)
        }
        unknownID = id
      }
      let merges = try Self.merges(model, ids: ids)
      // Scores for formats that know no merges: pieces made earlier are better.
      scores = names.map { _ in -1e6 }
      for (rank, merge) in merges.enumerated().reversed() { scores[Int(merge.made)] = -Float(rank) }
      made = .merges(MergeTable(merges))
    }
    if let unknownID { kinds[Int(unknownID)] = .unknown }
    func token(_ field: String) -> Int32? {
      guard let name = config[field]?.text ?? config[field]?["content"]?.text else { return nil }
      return pipeline.added.first { $0.content.utf8.elementsEqual(name.utf8) }?.id
        ?? ids[Array(name.utf8)]
    }
    func named(_ name: String) -> Int32? {
      pipeline.added.first { $0.content == name }?.id ?? ids[Array(name.utf8)]
    }
    self.init(
      names: names, kinds: kinds, scores: scores, model: made, pipeline: pipeline,
      unknownID: unknownID, fallsBack: fallsBack,
      fusesUnknown: model["fuse_unk"]?.bool ?? isUnigram,
      bosID: token("bos_token") ?? pipeline.postProcessor.prefix.first
        ?? (config.isNull ? named("<s>") : nil),
      eosIDs: [token("eos_token") ?? named("</s>")].compactMap { $0 }, ids: ids)
  }

  /// Pieces, their scores (0 where there are none), and which of them are the vocabulary's own.
  private static func vocabulary(
    _ model: JSONNode, added: [AddedToken], isUnigram: Bool
  ) throws(FormatError) -> ([[UInt8]], [Double], [Bool]) {
    var entries: [(id: Int, name: String, score: Double)] = []
    if isUnigram {
      guard let list = model["vocab"]?.elements else {
        throw .missing(format: format, field: "model.vocab")
      }
      for (id, entry) in list.enumerated() {
        guard let pair = entry.elements, pair.count == 2, let name = pair[0].text,
          let score = pair[1].number, score.isFinite
        else { throw .invalid(format: format, field: "model.vocab[\(id)]", found: "no pair") }
        entries.append((id, name, score))
      }
    } else {
      guard let members = model["vocab"]?.members else {
        throw .missing(format: format, field: "model.vocab")
      }
      for member in members {
        guard let id = member.value.int else {
          throw .invalid(format: format, field: "vocab.\(member.name)", found: "no id")
        }
        entries.append((id, member.name, 0))
      }
    }
    let top = max(entries.map(\.id).max() ?? -1, added.map { Int($0.id) }.max() ?? -1)
    guard top < ByteLevelBPE.mostIDs(entries.count + added.count),
      entries.allSatisfy({ $0.id >= 0 })
    else {
      throw .invalid(format: format, field: "model.vocab", found: "id \(top)")
    }
    var names = [[UInt8]](repeating: [], count: top + 1)
    var scores = [Double](repeating: 0, count: top + 1)
    var isOwn = [Bool](repeating: false, count: top + 1)
    for entry in entries {
      guard !isOwn[entry.id] else {
        throw .invalid(format: format, field: "model.vocab", found: "id \(entry.id) again")
      }
      names[entry.id] = Array(entry.name.utf8)
      scores[entry.id] = entry.score
      isOwn[entry.id] = true
    }
    for token in added where !isOwn[Int(token.id)] {
      names[Int(token.id)] = Array(token.content.utf8)
    }
    return (names, scores, isOwn)
  }

  private static func merges(
    _ model: JSONNode, ids: PieceTable
  ) throws(FormatError) -> [(left: Int32, right: Int32, made: Int32)] {
    if model["ignore_merges"]?.bool == true {
      throw .unsupported(
        format: format, field: "model.ignore_merges", found: "true",
        supported: "a byte-level vocabulary where words are taken whole")
    }
    var merges: [(left: Int32, right: Int32, made: Int32)] = []
    for (rank, pair) in try ByteLevelBPE.parts(model["merges"]?.elements ?? []).enumerated() {
      guard let left = ids[Array(pair.0.utf8)], let right = ids[Array(pair.1.utf8)],
        let made = ids.joined(left, right)
      else {
        throw .invalid(
          format: format, field: "model.merges[\(rank)]", found: "a piece that is not there")
      }
      merges.append((left, right, made))
    }
    return merges
  }
}
