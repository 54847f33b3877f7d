public import Formats

extension SentencePieces {
  private static let format = "tokenizer.model"

  /// Reads a SentencePiece model (`ModelProto` of sentencepiece_model.proto).
  public init(model bytes: [UInt8]) throws(FormatError) {
    try self.init(model: bytes, config: .null, more: [])
  }

  /// - Parameters:
  ///   - config: the `tokenizer_config.json` beside it: what starts and ends texts.
  ///   - more: tokens that files beside it name: beyond the model's pieces, or in place of them.
  init(model bytes: [UInt8], config: JSONNode, more: [AddedToken]) throws(FormatError) {
    var names: [[UInt8]] = []
    var scores: [Float] = []
    var kinds: [GGUFTokenType] = []
    var trainer = Trainer()
    var rules = Rules()
    var message = ProtobufReader(bytes[...], format: Self.format)
    while let field = try message.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let content)):
        let piece = try Self.piece(content)
        names.append(piece.name)
        scores.append(piece.score)
        kinds.append(piece.kind)
        guard names.count < 1 << 24 else {
          throw .invalid(format: Self.format, field: "pieces", found: "too many")
        }
      case (2, .bytes(let content)): try trainer.read(content)
      case (3, .bytes(let content)): try rules.read(content)
      default: break
      }
    }
    guard !names.isEmpty else { throw .missing(format: Self.format, field: "pieces") }
    func id(_ value: Int32) -> Int32? { names.indices.contains(Int(value)) ? value : nil }
    let unknownID = kinds.firstIndex(of: .unknown).map { Int32($0) }
    var added = names.indices.compactMap { at -> AddedToken? in
      guard [.control, .userDefined, .unknown].contains(kinds[at]), !names[at].isEmpty else {
        return nil
      }
      return AddedToken(
        id: Int32(at), content: String(decoding: names[at], as: UTF8.self),
        isSpecial: kinds[at] != .userDefined)
    }
    // Words are made of the model's own pieces, whatever else they are called.
    let ids = Self.table(names, kinds)
    let model: Model
    switch trainer.kind {
    case 1:
      let normal = names.indices.map { kinds[$0] == .normal ? names[$0] : [] }
      model = .unigram(
        Unigram(
          normal, scores: scores.indices.map { kinds[$0] == .normal ? Double(scores[$0]) : 0 },
          unknownID: unknownID))
    case 2: model = .scores(ranks: Self.ranks(scores))
    default:
      throw .unsupported(
        format: Self.format, field: "trainer_spec.model_type", found: "\(trainer.kind)",
        supported: "a BPE or unigram model")
    }
    try Self.add(more, to: &added, &names, &kinds, &scores)
    func named(_ field: String) -> Int32? {
      guard let name = config[field]?.text ?? config[field]?["content"]?.text else { return nil }
      return added.first { $0.content.utf8.elementsEqual(name.utf8) }?.id
        ?? names.firstIndex(of: Array(name.utf8)).map { Int32($0) }
    }
    let bosID = named("bos_token") ?? id(trainer.bosID)
    let eosID = named("eos_token") ?? id(trainer.eosID)
    var postProcessor = PostProcessor()
    if let bosID, config["add_bos_token"]?.bool ?? true { postProcessor.prefix = [bosID] }
    if let eosID, config["add_eos_token"]?.bool ?? false { postProcessor.suffix = [eosID] }
    self.init(
      names: names, kinds: kinds, scores: scores, model: model,
      pipeline: TextPipeline(
        added: added, normalizer: try rules.normalizer(),
        decoder: PieceDecoder(
          [.replace(.text(Self.mark), by: [0x20]), .byteFallback, .fuse]
            + (rules.addsSpace
              ? [.strip([0x20], start: rules.dropsSpaces ? Int.max : 1, stop: 0)] : [])),
        postProcessor: postProcessor),
      unknownID: unknownID, fallsBack: trainer.fallsBack, bosID: bosID,
      eosIDs: [eosID].compactMap { $0 }, ids: ids)
  }

  /// Puts tokens in the places they name, with gaps where nothing is.
  private static func add(
    _ tokens: [AddedToken], to added: inout [AddedToken], _ names: inout [[UInt8]],
    _ kinds: inout [GGUFTokenType], _ scores: inout [Float]
  ) throws(FormatError) {
    let most = ByteLevelBPE.mostIDs(names.count + tokens.count)
    for token in tokens.sorted(by: { $0.id < $1.id }) {
      let id = Int(token.id)
      guard id < most else {
        throw .invalid(format: TokenizerFolder.configName, field: token.content, found: "id \(id)")
      }
      while names.count <= id {
        names.append([])
        kinds.append(.unused)
        // No joining makes them, and readers of scores alone must not either.
        scores.append(-1000)
      }
      added.removeAll { $0.id == token.id }
      added.append(token)
      guard kinds[id] != .byte, kinds[id] != .unknown else { continue }
      names[id] = Array(token.content.utf8)
      kinds[id] = token.isSpecial ? .control : .userDefined
    }
  }

  private static func piece(
    _ content: ArraySlice<UInt8>
  ) throws(FormatError) -> (name: [UInt8], score: Float, kind: GGUFTokenType) {
    var piece: (name: [UInt8], score: Float, kind: GGUFTokenType) = ([], 0, .normal)
    var message = ProtobufReader(content, format: format)
    while let field = try message.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let name)):
        guard String(validating: name, as: UTF8.self) != nil else {
          throw .invalid(format: format, field: "piece", found: "not UTF-8")
        }
        piece.name = Array(name)
      case (2, .fixed32(let bits)):
        piece.score = Float(bitPattern: bits)
        guard piece.score.isFinite else {
          throw .invalid(format: format, field: "score", found: "\(piece.score)")
        }
      case (3, .integer(let value)):
        // The numbers are those of GGUF, which took them from here.
        guard let kind = Int32(exactly: value).flatMap(GGUFTokenType.init) else {
          throw .invalid(format: format, field: "type", found: "\(value)")
        }
        piece.kind = kind
      default: break
      }
    }
    return piece
  }

  /// Stores what is needed of `TrainerSpec`, with its defaults.
  private struct Trainer {
    var kind = 1
    var fallsBack = false
    var bosID: Int32 = 1
    var eosID: Int32 = 2

    mutating func read(_ content: ArraySlice<UInt8>) throws(FormatError) {
      var message = ProtobufReader(content, format: format)
      while let field = try message.next() {
        guard case .integer(let value) = field.value else { continue }
        switch field.number {
        case 3: kind = Int(clamping: value)
        case 24 where value != 0:
          throw .unsupported(
            format: format, field: "treat_whitespace_as_suffix", found: "true",
            supported: "spaces before words")
        case 35: fallsBack = value != 0
        // Negative numbers (none) are written as 64 bits.
        case 41: bosID = Int32(truncatingIfNeeded: value)
        case 42: eosID = Int32(truncatingIfNeeded: value)
        default: break
        }
      }
    }
  }

  /// Stores `NormalizerSpec`, with its defaults.
  private struct Rules {
    var map: [UInt8] = []
    var addsSpace = true
    var dropsSpaces = true
    var marksSpaces = true

    mutating func read(_ content: ArraySlice<UInt8>) throws(FormatError) {
      var message = ProtobufReader(content, format: format)
      while let field = try message.next() {
        switch (field.number, field.value) {
        case (2, .bytes(let bytes)): map = Array(bytes)
        case (3, .integer(let value)): addsSpace = value != 0
        case (4, .integer(let value)): dropsSpaces = value != 0
        case (5, .integer(let value)): marksSpaces = value != 0
        default: break
        }
      }
    }

    /// Characters first, then spaces: none at the ends and one between words, one before the text,
    /// marks in their place.
    func normalizer() throws(FormatError) -> Normalizer {
      guard marksSpaces else {
        throw .unsupported(
          format: format, field: "escape_whitespaces", found: "false",
          supported: "marks for spaces")
      }
      var steps: [Normalizer.Step] = []
      if !map.isEmpty { steps.append(.charsMap(try CharsMap(map, byGraphemes: false))) }
      if dropsSpaces { steps.append(.collapseSpaces) }
      if addsSpace { steps.append(.prepend([0x20])) }
      steps.append(.replace(.text([0x20]), by: SentencePieces.mark))
      // Marks that the text itself ends with go too.
      if dropsSpaces { steps.append(.dropTrailing(SentencePieces.mark)) }
      return Normalizer(steps: steps)
    }
  }
}
