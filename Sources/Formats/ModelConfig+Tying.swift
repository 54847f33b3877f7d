import Bytes

extension ModelConfig {
  private static let embedding = "model.embed_tokens.weight"
  private static let output = "lm_head.weight"

  /// Takes the output matrix that the weights hold, where it is not the embedding after all: as
  /// transformers does, whatever `tie_word_embeddings` says.
  mutating func untie(where source: some TensorSource) throws(FormatError) {
    guard tiedEmbeddings, source.shape(of: Self.output) != nil else { return }
    tiedEmbeddings = try Self.areEqual(source)
  }

  private static func areEqual(_ source: some TensorSource) throws(FormatError) -> Bool {
    guard let shape = source.shape(of: embedding), shape.count == 2,
      shape == source.shape(of: output)
    else { return false }
    if let a = source.stored(embedding), let b = source.stored(output), a.type == b.type {
      defer {
        a.owner.letGo(a.bytes)
        b.owner.letGo(b.bytes)
      }
      return SystemCall.areEqual(a.bytes, b.bytes)
    }
    for rows in RowRuns.of(rows: shape[0], columns: shape[1]) {
      let a = try source.floats(of: embedding, rows: rows)
      guard try source.floats(of: output, rows: rows) == a else { return false }
    }
    return true
  }
}
