import Formats

/// Stores how text is changed before it is cut.
struct Normalizer: Sendable {
  enum Step: Sendable {
    case form(NormalForm)
    case lowercase
    case prepend([UInt8])
    case replace(PreTokenizer.Delimiter, by: [UInt8])
    case strip(left: Bool, right: Bool)
    case charsMap(CharsMap)
    /// No spaces at the ends, and one in place of several.
    case collapseSpaces
    /// Nothing of these bytes at the end.
    case dropTrailing([UInt8])
  }

  var steps: [Step] = []

  /// Changes a piece of text. A piece whose start was taken away no longer counts as the text's
  /// start.
  func applied(to piece: PreTokenizer.Piece) -> PreTokenizer.Piece {
    var piece = piece
    for step in steps { apply(step, to: &piece) }
    return piece
  }

  /// Changes the name of an added token.
  func applied(to text: String) -> String {
    let piece = applied(to: PreTokenizer.Piece(bytes: Array(text.utf8)[...], isFirst: true))
    return String(decoding: piece.bytes, as: UTF8.self)
  }

  private func apply(_ step: Step, to piece: inout PreTokenizer.Piece) {
    switch step {
    case .form(.c):
      if let changed = piece.bytes.withUnsafeBufferPointer(NormalFormC.changed) {
        piece.bytes = changed[...]
      }
    case .form(let form):
      let text = String(decoding: piece.bytes, as: UTF8.self)
      piece.bytes = Array(form.applied(to: text).utf8)[...]
    case .lowercase:
      // Character by character, without regard to the word around (as for a final sigma).
      var result: [UInt8] = []
      for scalar in String(decoding: piece.bytes, as: UTF8.self).unicodeScalars {
        result += Array(scalar.properties.lowercaseMapping.utf8)
      }
      piece.bytes = result[...]
    case .prepend(let text):
      if !piece.bytes.isEmpty { piece.bytes = (text + piece.bytes)[...] }
    case .replace(let delimiter, let new):
      var result: [UInt8] = []
      piece.bytes.withUnsafeBufferPointer { bytes in
        for run in PreTokenizer.matches(delimiter, in: bytes) {
          if run.isMatch {
            if run.range.lowerBound == 0, new.isEmpty { piece.isFirst = false }
            result += new
          } else {
            result += bytes[run.range]
          }
        }
      }
      piece.bytes = result[...]
    case .strip(let left, let right): strip(&piece, left: left, right: right)
    case .collapseSpaces:
      let words = piece.bytes.split(separator: 0x20)
      piece.bytes = Array(words.joined(separator: [0x20]))[...]
    case .dropTrailing(let end):
      while piece.bytes.count >= end.count, piece.bytes.suffix(end.count) == end[...] {
        piece.bytes.removeLast(end.count)
      }
    case .charsMap(let map): piece.bytes = map.applied(to: piece.bytes)[...]
    }
  }

  private func strip(_ piece: inout PreTokenizer.Piece, left: Bool, right: Bool) {
    let range = piece.bytes.withUnsafeBufferPointer { bytes in
      let view = ScalarView(bytes: bytes)
      var start = 0
      var end = bytes.count
      while left, start < end {
        let (value, length) = view.scalar(at: start)
        guard CharacterClass(value) == .space else { break }
        start += length
      }
      while right, end > start {
        let (value, length) = view.scalarBefore(end)
        guard CharacterClass(value) == .space else { break }
        end -= length
      }
      return start..<end
    }
    if range.lowerBound > 0 { piece.isFirst = false }
    piece.bytes = Array(piece.bytes)[range]
  }
}

extension Normalizer {
  private static let format = "tokenizer.json"

  /// Reads the `normalizer` of a tokenizer.json.
  init(_ node: JSONNode) throws(FormatError) {
    guard !node.isNull else { return }
    try add(node, depth: 0)
  }

  private mutating func add(_ node: JSONNode, depth: Int) throws(FormatError) {
    func text(_ field: String) throws(FormatError) -> [UInt8] {
      guard let text = node[field]?.text else {
        throw .missing(format: Self.format, field: "normalizer.\(field)")
      }
      return Array(text.utf8)
    }
    switch node["type"]?.text {
    case "Sequence":
      guard depth < 8, let parts = node["normalizers"]?.elements else {
        throw .invalid(format: Self.format, field: "normalizer.normalizers", found: "no list")
      }
      for part in parts { try add(part, depth: depth + 1) }
    case "NFC": steps.append(.form(.c))
    case "NFD": steps.append(.form(.d))
    case "NFKC": steps.append(.form(.kc))
    case "NFKD": steps.append(.form(.kd))
    case "Lowercase": steps.append(.lowercase)
    case "Prepend": steps.append(.prepend(try text("prepend")))
    case "Replace":
      steps.append(
        .replace(
          try PreTokenizer.delimiter(node["pattern"] ?? .null, field: "normalizer.pattern"),
          by: try text("content")))
    case "Strip":
      steps.append(
        .strip(
          left: node["strip_left"]?.bool ?? true, right: node["strip_right"]?.bool ?? true))
    case "Precompiled":
      // An empty map is written as no text at all.
      let encoded = node["precompiled_charsmap"]?.text ?? ""
      guard !encoded.isEmpty else { return }
      guard let bytes = Base64.decoded(encoded) else {
        throw .invalid(format: Self.format, field: "precompiled_charsmap", found: "no base64")
      }
      steps.append(.charsMap(try CharsMap(bytes, byGraphemes: true)))
    default:
      throw PreTokenizer.unsupported(
        "normalizer", node,
        "the steps NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip and Precompiled")
    }
  }
}
