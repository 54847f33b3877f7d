import Formats

/// Stores how the spellings of pieces become text again.
struct PieceDecoder: Sendable {
  enum Step: Sendable {
    case byteLevel
    case byteFallback
    case fuse
    case replace(PreTokenizer.Delimiter, by: [UInt8])
    /// Takes a character away at the start or end of each token, so often at most.
    case strip([UInt8], start: Int, stop: Int)
    case metaspace(mark: [UInt8], dropsFirst: Bool)
    /// Spaces between the tokens: what stands for no decoder.
    case spaced
  }

  var steps: [Step]

  init(_ steps: [Step]) { self.steps = steps }

  /// The text of tokens.
  func decode(_ tokens: [[UInt8]]) -> [UInt8] {
    var tokens = tokens
    for step in steps { tokens = apply(step, tokens) }
    return Array(tokens.joined())
  }

  /// The bytes of one token by itself, in the midst of a text or as its first; half a character
  /// where the token is.
  func bytes(of token: [UInt8], isFirst: Bool) -> [UInt8] {
    var bytes = token
    for step in steps {
      switch step {
      case .byteLevel: bytes = Self.plain(bytes)
      case .byteFallback: if let byte = Self.fallbackByte(bytes) { bytes = [byte] }
      case .fuse: if !isFirst { return bytes }
      case .spaced: if !isFirst { bytes = [0x20] + bytes }
      case .metaspace(let mark, _) where !isFirst:
        bytes = apply(.metaspace(mark: mark, dropsFirst: false), [bytes])[0]
      case .replace, .strip, .metaspace: bytes = apply(step, [bytes])[0]
      }
    }
    return bytes
  }

  private func apply(_ step: Step, _ tokens: [[UInt8]]) -> [[UInt8]] {
    switch step {
    case .byteLevel:
      let bytes = tokens.flatMap(Self.plain)
      return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
    case .byteFallback: return Self.joinedBytes(tokens)
    case .fuse: return [Array(tokens.joined())]
    case .spaced: return [Array(tokens.joined(separator: [0x20]))]
    case .replace(let delimiter, let new):
      return tokens.map { token in
        token.withUnsafeBufferPointer { bytes in
          PreTokenizer.matches(delimiter, in: bytes).flatMap { run in
            run.isMatch ? new : Array(bytes[run.range])
          }
        }
      }
    case .strip(let character, let start, let stop):
      return tokens.map { token in
        var token = token[...]
        var left = start
        while left > 0, token.starts(with: character) {
          token.removeFirst(character.count)
          left -= 1
        }
        left = stop
        while left > 0, token.suffix(character.count) == character[...] {
          token.removeLast(character.count)
          left -= 1
        }
        return Array(token)
      }
    case .metaspace(let mark, let dropsFirst):
      return tokens.enumerated().map { index, token in
        token.withUnsafeBufferPointer { bytes in
          PreTokenizer.matches(.text(mark), in: bytes).flatMap { run in
            run.isMatch ? (index == 0 && dropsFirst ? [] : [0x20]) : Array(bytes[run.range])
          }
        }
      }
    }
  }

  /// The bytes a token spells in GPT-2's alphabet; those it has where it is not of it.
  private static func plain(_ token: [UInt8]) -> [UInt8] {
    ByteAlphabet.bytes(String(decoding: token, as: UTF8.self)) ?? token
  }

  /// The byte that `<0xAB>` stands for.
  static func fallbackByte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == UInt8(ascii: ">"),
      token[3] != UInt8(ascii: "+")
    else { return nil }
    return UInt8(String(decoding: token[3...4], as: UTF8.self), radix: 16)
  }

  /// Runs of bytes become text, or as many U+FFFD as there are bytes where they are none.
  private static func joinedBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var pending: [UInt8] = []
    func flush() {
      guard !pending.isEmpty else { return }
      if String(validating: pending, as: UTF8.self) != nil {
        result.append(pending)
      } else {
        for _ in pending { result.append([0xef, 0xbf, 0xbd]) }
      }
      pending = []
    }
    for token in tokens {
      if let byte = fallbackByte(token) {
        pending.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }
}

extension PieceDecoder {
  private static let format = "tokenizer.json"

  /// Reads the `decoder` of a tokenizer.json.
  init(_ node: JSONNode) throws(FormatError) {
    steps = []
    if node.isNull { steps = [.spaced] } else { try add(node, depth: 0) }
  }

  private mutating func add(_ node: JSONNode, depth: Int) throws(FormatError) {
    func text(_ field: String) throws(FormatError) -> [UInt8] {
      guard let text = node[field]?.text else {
        throw .missing(format: Self.format, field: "decoder.\(field)")
      }
      return Array(text.utf8)
    }
    switch node["type"]?.text {
    case "Sequence":
      guard depth < 8, let parts = node["decoders"]?.elements else {
        throw .invalid(format: Self.format, field: "decoder.decoders", found: "no list")
      }
      for part in parts { try add(part, depth: depth + 1) }
    case "ByteLevel": steps.append(.byteLevel)
    case "ByteFallback": steps.append(.byteFallback)
    case "Fuse": steps.append(.fuse)
    case "Replace":
      steps.append(
        .replace(
          try PreTokenizer.delimiter(node["pattern"] ?? .null, field: "decoder.pattern"),
          by: try text("content")))
    case "Strip":
      guard !(try text("content")).isEmpty else {
        throw .invalid(format: Self.format, field: "decoder.content", found: "nothing")
      }
      let counts = ["start", "stop"].map { node[$0]?.int ?? 0 }
      guard counts.allSatisfy({ (0...1000).contains($0) }) else {
        throw .invalid(format: Self.format, field: "decoder.start and stop", found: "\(counts)")
      }
      steps.append(.strip(try text("content"), start: counts[0], stop: counts[1]))
    case "Metaspace":
      let isNever =
        node["prepend_scheme"]?.text == "never" || node["add_prefix_space"]?.bool == false
      steps.append(.metaspace(mark: try text("replacement"), dropsFirst: !isNever))
    default:
      throw PreTokenizer.unsupported(
        "decoder", node, "the steps ByteLevel, ByteFallback, Fuse, Replace, Strip and Metaspace")
    }
  }
}
