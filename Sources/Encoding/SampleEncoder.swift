public import Corpus
public import Formats
public import Tokenizers

/// Turns records and samples into token samples that fit a window.
///
/// A sample is the separator (no loss), the prompt (no loss), the completion and the separator
/// again (both with loss). What is longer than the window goes on in further samples, each starting
/// with the separator; see the page `Windows` of this module's documentation.
public struct SampleEncoder: Sendable {
  /// The most tokens a sample may have.
  public let window: Int
  private let tokenizer: any Tokenizer
  private let start: Int32
  private let end: Int32

  /// - Parameter window: at least 8.
  public init(tokenizer: any Tokenizer, window: Int) throws(EncodingError) {
    guard window >= 8 else { throw .windowTooSmall(window) }
    guard let end = tokenizer.separatorID, let start = tokenizer.startID else {
      throw .noSeparator
    }
    self.tokenizer = tokenizer
    self.window = window
    self.end = end
    self.start = start
  }

  /// The samples of one record.
  public func encode(_ record: Record) -> [TokenSample] {
    encode([(Rendering(record), record.id)])
  }

  /// The samples of many records.
  public func encode(_ records: [Record]) -> [TokenSample] {
    encode(records.map { (Rendering($0), $0.id) })
  }

  /// The samples of one training pair.
  public func encode(_ sample: Sample) -> [TokenSample] {
    encode([(Rendering(sample), sample.id)])
  }

  /// The samples of many training pairs.
  public func encode(_ samples: [Sample]) -> [TokenSample] {
    encode(samples.map { (Rendering($0), $0.id) })
  }

  /// The samples of texts with their ids; quicker than one by one, as common words are remembered.
  public func encode(_ renderings: [(rendering: Rendering, id: String)]) -> [TokenSample] {
    var encoder = TextEncoder(tokenizer)
    var samples: [TokenSample] = []
    for (rendering, id) in renderings {
      let prompt = encoder.encode(rendering.prompt)
      let completion = encoder.encode(rendering.completion, goesOn: !rendering.prompt.isEmpty)
      samples += windows(prompt: prompt, completion: completion, record: id)
    }
    return samples
  }

  /// What a model is given to continue: the separator and the prompt, its end cut off where it
  /// leaves less than `room` tokens of the window.
  public func prompt(_ text: String, room: Int) -> [Int32] {
    [start] + fitted(tokenizer.encode(text), to: max(window - 1 - room, 1))
  }

  private func windows(prompt: [Int32], completion: [Int32], record: String) -> [TokenSample] {
    guard !completion.isEmpty else { return [] }
    // Half a window at most goes to a prompt whose completion needs the room.
    let room = max(window - 2 - completion.count, (window - 2) / 2)
    let given = [start] + fitted(prompt, to: room)
    let cuts = SentenceCuts(completion.map { tokenizer.bytes(of: $0) })
    var samples: [TokenSample] = []
    var from = 0
    while from < completion.count {
      let opening = samples.isEmpty ? given : [start]
      let space = window - opening.count
      let isLast = completion.count - from + 1 <= space
      // The last sample has room for the end as well: something must be left for it.
      let to =
        isLast
        ? completion.count : cuts.cut(from: from, most: min(space, completion.count - from - 1))
      var ids = opening + completion[from..<to]
      var labels = Array(repeating: TokenSample.unlabelled, count: opening.count)
      labels += completion[from..<to]
      if isLast {
        ids.append(end)
        labels.append(end)
      }
      samples.append(
        TokenSample(
          ids: ids, labels: labels, record: record, labelledBytes: cuts.byteCount(from..<to)))
      from = to
    }
    return samples
  }

  /// A prompt cut to `most` tokens: its last token (the line break before the answer) stays, what
  /// goes is before it.
  private func fitted(_ prompt: [Int32], to most: Int) -> [Int32] {
    guard prompt.count > most, let last = prompt.last else { return prompt }
    return prompt.prefix(most - 1) + [last]
  }
}

/// Encodes texts one after the other, remembering words where the tokenizer can.
struct TextEncoder {
  private let tokenizer: any Tokenizer
  private var words: BPEEncoder?
  private var continuing: BPEEncoder?

  init(_ tokenizer: any Tokenizer) {
    self.tokenizer = tokenizer
    guard let tokenizer = tokenizer as? ByteLevelBPE else { return }
    words = BPEEncoder(tokenizer)
    if tokenizer.putsBefore { continuing = BPEEncoder(tokenizer.continuing) }
  }

  /// The ids of a text, or of one that goes on from another.
  mutating func encode(_ text: String, goesOn: Bool = false) -> [Int32] {
    guard !text.isEmpty else { return [] }
    guard words != nil else { return tokenizer.encode(text, goesOn: goesOn) }
    var ids: [Int32] = []
    if goesOn, continuing != nil {
      continuing?.encode(text, into: &ids)
    } else {
      words?.encode(text, into: &ids)
    }
    return ids
  }
}
