import Formats

/// Stores what surrounds a vocabulary: added tokens, normaliser, pre-tokenizer, decoder, and what is
/// put around texts.
struct TextPipeline: Sendable {
  var normalizer = Normalizer()
  var preTokenizer = PreTokenizer()
  var decoder: PieceDecoder
  var postProcessor = PostProcessor()
  private(set) var added: [AddedToken]
  private let raw: AddedTokenFinder
  private let normalized: AddedTokenFinder
  private let rawWithoutSpecials: Bool
  private let normalizedWithoutSpecials: Bool

  /// A part of a text: a token found by name, or text to be cut and joined.
  enum Part {
    case id(Int32)
    case text(PreTokenizer.Piece)
  }

  init(
    added: [AddedToken], normalizer: Normalizer = Normalizer(),
    preTokenizer: PreTokenizer = PreTokenizer(), decoder: PieceDecoder,
    postProcessor: PostProcessor = PostProcessor()
  ) {
    self.added = added
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.decoder = decoder
    self.postProcessor = postProcessor
    let plain = added.filter { !$0.isNormalized }
    let changed = added.filter(\.isNormalized)
    raw = AddedTokenFinder(plain.map { ($0.content, $0) })
    normalized = AddedTokenFinder(changed.map { (normalizer.applied(to: $0.content), $0) })
    rawWithoutSpecials = plain.allSatisfy(\.isSpecial)
    normalizedWithoutSpecials = changed.allSatisfy(\.isSpecial)
  }

  /// Whether something is put before texts, such as the space of Llama's vocabulary.
  var putsBefore: Bool {
    normalizer.steps.contains { if case .prepend = $0 { true } else { false } }
      || preTokenizer.steps.contains {
        switch $0 {
        case .metaspace(_, let prepending, splits: _): prepending != .never
        case .byteLevel(let addsSpace, cuts: _): addsSpace
        default: false
        }
      }
  }

  /// Whether spaces at the start of a text get lost: what is put before it is then all there is of them.
  var dropsSpacesBefore: Bool {
    normalizer.steps.contains {
      switch $0 {
      case .collapseSpaces, .strip(left: true, right: _): true
      default: false
      }
    }
  }

  /// The same for texts that go on from others: nothing is put before them.
  var continuing: TextPipeline {
    var normalizer = normalizer
    normalizer.steps.removeAll { if case .prepend = $0 { true } else { false } }
    var preTokenizer = preTokenizer
    preTokenizer.steps = preTokenizer.steps.map { step in
      switch step {
      case .metaspace(let mark, _, let splits): .metaspace(mark: mark, .never, splits: splits)
      case .byteLevel(_, let cuts): .byteLevel(addsSpace: false, cuts: cuts)
      default: step
      }
    }
    return TextPipeline(
      added: added, normalizer: normalizer, preTokenizer: preTokenizer, decoder: decoder,
      postProcessor: postProcessor)
  }

  /// Whether nothing stands between a text and the pre-tokenizer.
  func isPlain(specials: Bool) -> Bool {
    normalizer.steps.isEmpty && hasNoNames(specials: specials)
  }

  /// Whether only normal form C does.
  func hasOnlyFormC(specials: Bool) -> Bool {
    guard normalizer.steps.count == 1, case .form(.c) = normalizer.steps[0] else { return false }
    return hasNoNames(specials: specials)
  }

  private func hasNoNames(specials: Bool) -> Bool {
    specials ? raw.isEmpty && normalized.isEmpty : rawWithoutSpecials && normalizedWithoutSpecials
  }

  /// Cuts a text into added tokens and normalised text between them.
  func parts(_ bytes: UnsafeBufferPointer<UInt8>, specials: Bool) -> [Part] {
    var parts: [Part] = []
    let first =
      specials || !rawWithoutSpecials
      ? raw.stretches(bytes, specials: specials)
      : [AddedTokenFinder.Stretch(range: 0..<bytes.count, id: nil)]
    for stretch in first {
      if let id = stretch.id {
        parts.append(.id(id))
        continue
      }
      let piece = normalizer.applied(
        to: PreTokenizer.Piece(
          bytes: Array(bytes[stretch.range])[...], isFirst: stretch.range.lowerBound == 0))
      guard specials || !normalizedWithoutSpecials, !normalized.isEmpty else {
        parts.append(.text(piece))
        continue
      }
      let start = piece.bytes.startIndex
      let inner = piece.bytes.withUnsafeBufferPointer {
        normalized.stretches($0, specials: specials)
      }
      for stretch in inner {
        if let id = stretch.id {
          parts.append(.id(id))
        } else {
          let range = start + stretch.range.lowerBound..<start + stretch.range.upperBound
          parts.append(
            .text(
              PreTokenizer.Piece(
                bytes: piece.bytes[range],
                isFirst: piece.isFirst && stretch.range.lowerBound == 0)))
        }
      }
    }
    return parts
  }
}

extension TextPipeline {
  private static let format = "tokenizer.json"

  /// Reads everything but the `model` of a tokenizer.json.
  init(_ root: JSONNode) throws(FormatError) {
    self.init(
      added: try Self.addedTokens(root), normalizer: try Normalizer(root["normalizer"] ?? .null),
      preTokenizer: try PreTokenizer(root["pre_tokenizer"] ?? .null),
      decoder: try PieceDecoder(root["decoder"] ?? .null),
      postProcessor: try PostProcessor(root["post_processor"] ?? .null))
  }

  private static func addedTokens(_ root: JSONNode) throws(FormatError) -> [AddedToken] {
    var tokens: [AddedToken] = []
    for node in root["added_tokens"]?.elements ?? [] {
      guard let id = node["id"]?.int, let id = Int32(exactly: id), (0..<1 << 24).contains(id),
        let content = node["content"]?.text
      else { throw .invalid(format: format, field: "added_tokens", found: "no id or content") }
      tokens.append(AddedToken(node, id: id, content: content))
    }
    return tokens
  }
}

extension AddedToken {
  /// Reads the flags of a token as Hugging Face writes them.
  init(_ node: JSONNode, id: Int32, content: String) {
    let isSpecial = node["special"]?.bool ?? false
    self.init(
      id: id, content: content, isSpecial: isSpecial,
      isSingleWord: node["single_word"]?.bool ?? false, stripsLeft: node["lstrip"]?.bool ?? false,
      stripsRight: node["rstrip"]?.bool ?? false,
      isNormalized: node["normalized"]?.bool ?? !isSpecial)
  }
}
