import Corpus
public import Formats
public import Persona
public import Tokenizers

/// Puts a user's own earlier text before a sample, found by nothing but what stands before the
/// tokens that are scored.
///
/// A free text is searched by its opening: those tokens are scored without help, exactly as in the
/// arm without retrieval, and the rest with it. A question is searched by its prompt, a later piece
/// of a long text by the piece before. So both arms score the same tokens, and none helps itself.
public struct Retrieval {
  private let index: BM25Index
  private let tokenizer: any Tokenizer
  private let positions: Int
  private let count: Int

  /// Tokens of a free text that serve as the query.
  public static let opening = 32
  /// Room below which a passage is not worth its place.
  private static let leastRoom = 24
  /// Tokens kept free behind a question, so that a model has room to answer it in its own way.
  private static let answerRoom = 64

  /// - Parameters:
  ///   - positions: the most tokens of a sample.
  ///   - count: how many records are put before a sample, at most; each has an equal part of the room.
  public init(
    index: BM25Index, tokenizer: any Tokenizer, positions: Int, count: Int = 1
  ) {
    self.count = count
    self.index = index
    self.tokenizer = tokenizer
    self.positions = positions
  }

  /// The samples that, scored together, cover the same tokens as `samples`.
  /// - Parameter samples: pieces of texts in order; those of one text share `record`.
  public func augment(_ samples: [TokenSample]) -> [TokenSample] {
    var result: [TokenSample] = []
    for (i, sample) in samples.enumerated() {
      let continues = i > 0 && !sample.record.isEmpty && samples[i - 1].record == sample.record
      let given = sample.labels.prefix { $0 == TokenSample.unlabelled }.count
      if continues {
        result += helped(sample, from: 0, query: samples[i - 1].ids)
      } else if given > 1 {
        result += helped(sample, from: 0, query: Array(sample.ids[..<given]))
      } else {
        let opening = min(Self.opening + 1, sample.ids.count)
        result += helped(sample, from: opening, query: Array(sample.ids[..<opening]))
      }
    }
    return result
  }

  /// Splits a sample into what is scored alone, up to `start`, and the rest behind passages.
  private func helped(_ sample: TokenSample, from start: Int, query: [Int32]) -> [TokenSample] {
    let isQuestion = start == 0 && sample.labels.dropFirst().first == TokenSample.unlabelled
    let room = positions - sample.ids.count - (isQuestion ? Self.answerRoom : 0)
    let share = room / count - tokenizer.idsAround
    guard start < sample.ids.count, share >= Self.leastRoom else { return [sample] }
    // The best stands last, next to what it is to help with.
    let found = index.search(tokenizer.decode(query), limit: count).reversed()
    guard !found.isEmpty else { return [sample] }
    let passages = found.flatMap {
      tokenizer.standingBefore(
        Rendering($0.record).tokens(room: share) { tokenizer.encode($0, goesOn: $1) })
    }
    var labels = sample.labels
    for i in 0..<start { labels[i] = TokenSample.unlabelled }
    let rest = TokenSample(
      ids: passages + sample.ids,
      labels: Array(repeating: TokenSample.unlabelled, count: passages.count) + labels,
      record: sample.record, labelledBytes: sample.labelledBytes)
    guard start > 0 else { return [rest] }
    let alone = TokenSample(
      ids: Array(sample.ids[..<start]), labels: Array(sample.labels[..<start]),
      record: sample.record)
    return [alone, rest]
  }
}
