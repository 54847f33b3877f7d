import Formats

/// Stores the replacements of characters that SentencePiece models carry: a trie over UTF-8 in a
/// double array (Darts), and the texts it points to.
struct CharsMap: Sendable {
  private let units: [UInt32]
  private let texts: [UInt8]
  /// Whether characters are looked up as Hugging Face does it: whole grapheme clusters first, of
  /// which the shortest beginning counts. SentencePiece itself takes the longest anywhere.
  private let byGraphemes: Bool
  private static let format = "character map"

  init(_ bytes: [UInt8], byGraphemes: Bool) throws(FormatError) {
    self.byGraphemes = byGraphemes
    func word(_ at: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
    }
    guard bytes.count >= 8 else {
      throw .truncated(format: Self.format, part: "trie", needed: 8, available: bytes.count)
    }
    let size = Int(word(0))
    guard size % 4 == 0, size >= 4, size <= bytes.count - 4 else {
      throw .invalid(format: Self.format, field: "size of the trie", found: "\(size)")
    }
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    texts = Array(bytes[(4 + size)...])
  }

  /// The beginnings of the bytes that the map knows, shortest first: lengths, and where the text in
  /// their place stands.
  private func matches(_ bytes: ArraySlice<UInt8>) -> [(length: Int, text: Int)] {
    func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }
    var found: [(Int, Int)] = []
    guard var node = units.first.map(offset) else { return [] }
    for (index, byte) in bytes.enumerated() {
      guard byte != 0 else { break }
      node ^= Int(byte)
      guard units.indices.contains(node) else { break }
      let unit = units[node]
      guard unit & 0x8000_00ff == UInt32(byte) else { break }
      node ^= offset(unit)
      guard units.indices.contains(node) else { break }
      if unit & 0x100 != 0 {
        let place = Int(units[node] & 0x7fff_ffff)
        if place < texts.count { found.append((index + 1, place)) }
      }
    }
    return found
  }

  private func text(at place: Int) -> ArraySlice<UInt8> { texts[place...].prefix { $0 != 0 } }

  func applied(to bytes: ArraySlice<UInt8>) -> [UInt8] {
    byGraphemes ? replacedByGraphemes(bytes) : replaced(bytes)
  }

  private func replaced(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var at = bytes.startIndex
    while at < bytes.endIndex {
      if let longest = matches(bytes[at...]).last {
        result += text(at: longest.text)
        at += longest.length
        continue
      }
      let length = bytes[at] >= 0xf0 ? 4 : bytes[at] >= 0xe0 ? 3 : bytes[at] >= 0xc0 ? 2 : 1
      let end = min(at + length, bytes.endIndex)
      result += bytes[at..<end]
      at = end
    }
    return result
  }

  private func replacedByGraphemes(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for character in String(decoding: bytes, as: UTF8.self) {
      let whole = Array(character.utf8)
      if whole.count < 6, let first = matches(whole[...]).first {
        result += text(at: first.text)
        continue
      }
      for scalar in character.unicodeScalars {
        let part = Array(String(scalar).utf8)
        result += matches(part[...]).first.map { Array(text(at: $0.text)) } ?? part
      }
    }
    return result
  }
}
