import Corpus

extension BM25Index {
  /// The name of the file, for errors.
  private static let file = "the retrieval index"

  private struct Content: Codable {
    let version: Int
    let k1: Double
    let b: Double
    let records: [Record]
    let lengths: [Int]
    let postings: [String: [Int]]
  }

  /// Writes the index as JSON; the same records give the same bytes.
  public func encoded() throws(PersonaError) -> [UInt8] {
    try JSONFile.encode(
      Content(
        version: 1, k1: Self.saturation, b: Self.lengthWeight, records: records, lengths: lengths,
        postings: postings), name: Self.file)
  }

  /// Reads an index.
  /// - Throws: `PersonaError.format` if it is none, or not consistent.
  public init(decoding bytes: [UInt8]) throws(PersonaError) {
    let content = try JSONFile.decode(Content.self, from: bytes, name: Self.file)
    guard content.version == 1, content.k1 == Self.saturation, content.b == Self.lengthWeight else {
      throw .format(file: Self.file, reason: "another version or other constants")
    }
    guard content.lengths.count == content.records.count else {
      throw .format(file: Self.file, reason: "lengths do not match the records")
    }
    for list in content.postings.values {
      guard list.count.isMultiple(of: 2) else {
        throw .format(file: Self.file, reason: "a list of places is cut short")
      }
      for at in stride(from: 0, to: list.count, by: 2)
      where !content.records.indices.contains(list[at]) {
        throw .format(file: Self.file, reason: "a place has no record")
      }
    }
    self.init(content.records, lengths: content.lengths, postings: content.postings)
  }
}
