import Formats
import Kernels
import Synchronization

/// Asks for one continuation.
public struct DecodeRequest: Sendable {
  public var prompt: [Int32]
  public var adapter: Adapter?
  public var options: GenerationOptions
  /// Which of several continuations of one prompt this is: each draws numbers of its own.
  public var draw: Int
  /// How many of the likeliest tokens are told beside each token; nil for no log-probabilities.
  public var logprobs: Int?
  /// The first token of the prompt that is told with its log-probability; nil for none.
  public var scoredFrom: Int?

  public init(
    prompt: [Int32], adapter: Adapter? = nil, options: GenerationOptions = GenerationOptions(),
    draw: Int = 0, logprobs: Int? = nil, scoredFrom: Int? = nil
  ) {
    self.prompt = prompt
    self.adapter = adapter
    self.options = options
    self.draw = draw
    self.logprobs = logprobs
    self.scoredFrom = scoredFrom
  }
}

/// Stores a token that was chosen or read, and what the model thought of it.
public struct ScoredToken: Sendable, Equatable {
  public var id: Int32
  /// The natural logarithm of its probability, before temperature and the like; nil if not asked
  /// for, and of a prompt's first token.
  public var logprob: Float?
  /// The likeliest tokens in its place, likeliest first.
  public var likeliest: [Alternative] = []

  public struct Alternative: Sendable, Equatable {
    public var id: Int32
    public var logprob: Float
  }
}

/// Tells what became of a request.
public enum DecodeEvent: Sendable, Equatable {
  /// A token of the prompt, from `scoredFrom` on.
  case read(ScoredToken)
  /// The prompt is read; so many of its tokens were found in a cache.
  case began(reused: Int)
  /// A new token.
  case token(ScoredToken)
  case ended(Continuation.End)
}

/// Continues many requests on one model together, each joining and leaving when it will (continuous
/// batching: Yu et al. 2022, Orca).
///
/// What a request gets does not depend on the others: see `Inference`. Memory for caches is bounded:
/// a request begins when its longest possible cache fits; until then it waits, in order. Caches of
/// requests that ended stay as long as there is room, and a prompt that begins like one of the same
/// adapter takes that beginning from there.
public final class ContinuousBatch {
  /// Bounds what goes on at once.
  public struct Limits: Sendable {
    /// Sequences continued together.
    public var sequences: Int
    /// Bytes of all caches.
    public var cacheBytes: Int
    /// Tokens of prompts read between two steps of the sequences that go on.
    public var prefillTokens: Int

    public init(sequences: Int = 64, cacheBytes: Int = 1 << 30, prefillTokens: Int = 256) {
      self.sequences = sequences
      self.cacheBytes = cacheBytes
      self.prefillTokens = prefillTokens
    }
  }

  /// Names a request.
  public typealias Ticket = Int

  private let inference: Inference
  private let limits: Limits
  private var waiting: [Running] = []
  private var running: [Running] = []
  /// Sequences that ended, the longest unused first.
  private var kept: [TokenSequence] = []
  private var nextTicket: Ticket = 0
  private var events: [(Ticket, DecodeEvent)] = []

  /// A shared beginning shorter than this is not worth waiting for.
  private static let worthWaiting = 32
  /// Tokens of a prompt whose logits are computed at a time.
  private static let scoredRows = 16

  public init(_ model: LanguageModel, limits: Limits = Limits()) {
    inference = Inference(model)
    self.limits = limits
  }

  var config: ModelConfig { inference.model.config }

  /// Whether there is nothing to do.
  public var isIdle: Bool { waiting.isEmpty && running.isEmpty }

  /// How many requests are here.
  public var count: Int { waiting.count + running.count }

  /// Bytes of all caches, those that are kept included.
  public var cacheBytes: Int {
    running.reduce(0) { $0 + ($1.sequence?.bytes ?? 0) } + kept.reduce(0) { $0 + $1.bytes }
  }

  /// Takes in a request; it begins at a later step.
  /// - Throws: `ModelError` for a prompt that this model cannot read, or whose cache would never fit.
  public func add(_ request: DecodeRequest) throws(ModelError) -> Ticket {
    guard !request.prompt.isEmpty else { throw .emptyPrompt }
    guard request.prompt.count <= config.maximumPositions else {
      throw .tooLong(tokens: request.prompt.count, positions: config.maximumPositions)
    }
    for id in request.prompt where id < 0 || id >= config.vocabularySize {
      throw .tokenOutOfRange(id: id, vocabulary: config.vocabularySize)
    }
    let bytes = KeyValueCache.bytes(config: config, capacity: capacity(request))
    guard bytes <= limits.cacheBytes else { throw .noRoom(bytes: bytes, limit: limits.cacheBytes) }
    nextTicket += 1
    waiting.append(Running(ticket: nextTicket, request: request))
    return nextTicket
  }

  /// Ends a request at once; nothing more is told of it.
  public func cancel(_ ticket: Ticket) {
    waiting.removeAll { $0.ticket == ticket }
    for ended in running where ended.ticket == ticket { keep(ended.sequence) }
    running.removeAll { $0.ticket == ticket }
    events.removeAll { $0.0 == ticket }
  }

  /// Lets go of the caches kept for an adapter that nobody will ask for again; those of requests
  /// that still use it are not kept.
  public func forget(_ adapter: Adapter) {
    adapter.isForgotten.store(true, ordering: .relaxed)
    kept.removeAll { $0.adapter === adapter }
  }

  /// Reads a piece of the prompts and one more token of every sequence whose prompt is read.
  /// - Returns: what happened, in order.
  public func step() -> [(ticket: Ticket, event: DecodeEvent)] {
    events = []
    admit()
    prefill()
    decode()
    running.removeAll { $0.hasEnded }
    return events
  }

  // MARK: Admission

  /// Rows that a request's cache may come to need: the last token is never read.
  private func capacity(_ request: DecodeRequest) -> Int {
    // As many tokens as there are numbers may be asked for: no sum before it is bounded.
    let most = min(request.options.maximumTokens, config.maximumPositions)
    return min(config.maximumPositions, request.prompt.count + max(1, most) - 1)
  }

  private func admit() {
    var place = 0
    while place < waiting.count, running.count < limits.sequences {
      let next = waiting[place]
      let donor = donor(for: next.request)
      if donor.isAwaited {
        place += 1
        continue
      }
      let capacity = capacity(next.request)
      let bytes = KeyValueCache.bytes(config: config, capacity: capacity)
      // What is copied from may have to go itself, once it is copied.
      guard makeRoom(bytes, sparing: donor.sequence) || makeRoom(bytes, sparing: nil) else {
        return
      }
      let sequence = TokenSequence(
        model: inference.model, adapter: next.request.adapter, capacity: capacity)
      if let found = donor.sequence {
        sequence.begin(with: donor.count, of: found)
        // What the new one holds too need not be kept twice.
        if donor.count == found.promptCount { kept.removeAll { $0 === found } }
        touch(found)
      }
      next.reused = donor.count
      next.sequence = sequence
      waiting.remove(at: place)
      running.append(next)
    }
  }

  /// Frees kept caches, the longest unused first, until there is room.
  private func makeRoom(_ bytes: Int, sparing donor: TokenSequence?) -> Bool {
    var free = limits.cacheBytes - cacheBytes
    while free < bytes {
      guard let place = kept.firstIndex(where: { $0 !== donor }) else { return false }
      free += kept.remove(at: place).bytes
    }
    return true
  }

  private func touch(_ sequence: TokenSequence) {
    guard let place = kept.firstIndex(where: { $0 === sequence }) else { return }
    kept.append(kept.remove(at: place))
  }

  private func keep(_ sequence: TokenSequence?) {
    guard let sequence, sequence.promptCount > 1,
      sequence.adapter?.isForgotten.load(ordering: .relaxed) != true
    else { return }
    kept.removeAll { other in
      other.adapter === sequence.adapter
        && other.commonPrefix(Array(sequence.tokens[..<sequence.promptCount])) == other.promptCount
    }
    kept.append(sequence)
  }

  /// The sequence of the same adapter that begins like a prompt for longest; and whether one that
  /// is still reading will soon hold much more of it.
  private func donor(
    for request: DecodeRequest
  ) -> (sequence: TokenSequence?, count: Int, isAwaited: Bool) {
    // At least one token must be read, for its logits; and all that are to be scored.
    let most = min(request.prompt.count - 1, max(0, (request.scoredFrom ?? .max) - 1))
    var best: (sequence: TokenSequence?, count: Int) = (nil, 0)
    func consider(_ sequence: TokenSequence) {
      guard sequence.adapter === request.adapter else { return }
      let count = min(most, sequence.commonPrefix(request.prompt))
      if count > best.count { best = (sequence, count) }
    }
    for sequence in kept { consider(sequence) }
    for other in running { if let sequence = other.sequence { consider(sequence) } }
    let isAwaited = running.contains { other in
      guard other.isReading, other.request.adapter === request.adapter else { return false }
      let common = zip(other.request.prompt, request.prompt).prefix { $0 == $1 }.count
      return min(most, common) >= max(Self.worthWaiting, best.count + 1)
    }
    return (best.sequence, best.count, isAwaited)
  }

  // MARK: Steps

  private func prefill() {
    var left = limits.prefillTokens
    var pieces: [(sequence: TokenSequence, tokens: ArraySlice<Int32>)] = []
    var readers: [Running] = []
    for reader in running where reader.isReading && left > 0 {
      guard let sequence = reader.sequence else { continue }
      let from = sequence.tokens.count
      let piece = reader.request.prompt[from..<min(reader.request.prompt.count, from + left)]
      left -= piece.count
      pieces.append((sequence, piece))
      readers.append(reader)
    }
    guard !pieces.isEmpty else { return }
    inference.prefill(pieces)
    for (reader, piece) in zip(readers, pieces) { tell(of: reader, piece.tokens) }
  }

  /// Tells the log-probabilities of a piece of a prompt, and chooses the first token behind it.
  private func tell(of reader: Running, _ piece: ArraySlice<Int32>) {
    guard let sequence = reader.sequence else { return }
    let prompt = reader.request.prompt
    if let first = reader.request.scoredFrom {
      if piece.startIndex == 0, first <= 0 {
        events.append((reader.ticket, .read(ScoredToken(id: prompt[0]))))
      }
      // The row of token i holds the logits of token i + 1.
      var from = max(piece.startIndex, first - 1)
      let end = min(piece.endIndex, prompt.count - 1)
      while from < end {
        let to = min(end, from + Self.scoredRows)
        let logits = inference.logits(
          of: sequence, tokens: (from - piece.startIndex)..<(to - piece.startIndex))
        for i in from..<to {
          let token = scored(prompt[i + 1], logits, row: i - from, reader.request.logprobs ?? 0)
          events.append((reader.ticket, .read(token)))
        }
        from = to
      }
    }
    guard piece.endIndex == prompt.count else { return }
    reader.isReading = false
    events.append((reader.ticket, .began(reused: reader.reused)))
    guard reader.request.options.maximumTokens > 0 else {
      end(reader, .length)
      return
    }
    let last = piece.count - 1
    choose(reader, inference.logits(of: sequence, tokens: last..<last + 1), row: 0)
  }

  private func decode() {
    var tokens: [Int32] = []
    var sequences: [TokenSequence] = []
    var deciding: [Running] = []
    for one in running {
      guard let token = one.next, let sequence = one.sequence else { continue }
      tokens.append(token)
      sequences.append(sequence)
      deciding.append(one)
    }
    guard !tokens.isEmpty else { return }
    let logits = inference.decode(tokens, of: sequences)
    for (row, one) in deciding.enumerated() { choose(one, logits, row: row) }
  }

  /// Chooses a sequence's next token from a row of logits, and ends it where it is at its end.
  private func choose(_ one: Running, _ logits: FloatBuffer, row: Int) {
    let v = config.vocabularySize
    // Log-probabilities are the model's own: the penalty comes after them.
    let before = one.request.logprobs.map { likeliest($0, logits, row: row) }
    let total = before == nil ? 0 : logTotal(logits, row: row)
    let raw = UnsafeMutableBufferPointer(start: logits.pointer + row * v, count: v)
    let isTold = before != nil && one.request.options.repetitionPenalty != 1
    let untouched = isTold ? Array(raw) : []
    let token = one.sampler.choose(raw, after: one.seen)
    one.next = nil
    if one.request.options.stop.contains(token) {
      end(one, .stop)
      return
    }
    var told = ScoredToken(id: token)
    if let before {
      let logit = untouched.isEmpty ? raw[Int(token)] : untouched[Int(token)]
      told.logprob = logit - total
      told.likeliest = before
    }
    events.append((one.ticket, .token(told)))
    one.count += 1
    if one.request.options.repetitionPenalty != 1 { one.seen.insert(token) }
    let isRoom = one.request.prompt.count + one.count <= config.maximumPositions
    if one.count < one.request.options.maximumTokens, isRoom {
      one.next = token
    } else {
      end(one, .length)
    }
  }

  private func end(_ one: Running, _ how: Continuation.End) {
    events.append((one.ticket, .ended(how)))
    one.hasEnded = true
    one.next = nil
    keep(one.sequence)
    one.sequence = nil
  }

  // MARK: Requests

  /// Stores how far a request is.
  private final class Running {
    let ticket: Ticket
    let request: DecodeRequest
    var sampler: Sampler
    var sequence: TokenSequence?
    var reused = 0
    var isReading = true
    /// The token that was chosen and not read yet.
    var next: Int32?
    /// New tokens so far.
    var count = 0
    /// The tokens that occurred, where that matters.
    var seen: Set<Int32> = []
    var hasEnded = false

    init(ticket: Ticket, request: DecodeRequest) {
      self.ticket = ticket
      self.request = request
      sampler = Sampler(options: request.options, sequence: request.draw)
      if request.options.repetitionPenalty != 1 { seen = Set(request.prompt) }
    }
  }
}
