import Bytes
public import ChatTemplates
import Formats
import Foundation
public import Models
import Persona
import Synchronization
import Tokenizers

/// Stores one person's model, ready to continue texts in their manner, offline.
///
/// ```swift
/// let model = try PersonalModel(bundle: "bundles/anna")
/// for try await piece in model.generate("On Sunday we") { print(piece.text, terminator: "") }
/// ```
///
/// Safe to use from many tasks at once: what they ask is computed together, and no answer depends on
/// another. Models that share a base share its memory.
public struct PersonalModel: Sendable {
  public let base: BaseModel
  /// What makes the base theirs; nil where it is merged into it, or where the base answers best.
  public let adapter: Adapter?
  /// What it was opened from; nil for a model that is no bundle.
  public let bundle: ModelBundle?
  private let retrieval: Retrieval?

  /// Opens a bundle's folder and checks every file it reads.
  /// - Throws: `BundleError` for a bundle that is damaged or not whole.
  public init(bundle path: String, limits: ContinuousBatch.Limits = .init()) throws {
    let bundle = try ModelBundle(path: path)
    try self.init(bundle, base: BaseModel(of: bundle, limits: limits))
  }

  /// Opens a bundle over a base that is open already.
  public init(_ bundle: ModelBundle, base: BaseModel) throws {
    self.base = base
    self.bundle = bundle
    let folder = "adapter/"
    let adapted = bundle.paths.filter { $0.hasPrefix(folder) }
    if bundle.manifest.layout == .adapter, bundle.manifest.ships.isPersonal {
      adapter = try Adapter(
        paths: adapted.map { String($0.dropFirst(folder.count)) }, base: base.model
      ) { try bundle.map(folder + $0) }
    } else {
      adapter = nil
    }
    if bundle.paths.contains("index.json"), base.tokenizer.startID != nil {
      let bytes = try bundle.map("index.json").withBytes { Array($0) }
      retrieval = Retrieval(index: try BM25Index(decoding: bytes))
    } else {
      retrieval = nil
    }
  }

  /// Takes a model that is no bundle, with an adapter over it or without.
  public init(base: BaseModel, adapter: Adapter? = nil) {
    self.base = base
    self.adapter = adapter
    bundle = nil
    retrieval = nil
  }

  /// One more than the highest token.
  package var vocabularyCount: Int { base.model.config.vocabularySize }

  /// The text of tokens.
  package func text(of ids: [Int32]) -> String { base.tokenizer.decode(ids) }

  /// Whether it holds texts of the user's own to put before prompts.
  public var canRetrieve: Bool { retrieval != nil }

  // MARK: Text

  /// Continues a text.
  /// - Returns: the continuation in pieces, as it is made; ending the loop early ends the work.
  public func generate(
    _ prompt: String, options: TextOptions = TextOptions()
  ) -> AsyncThrowingStream<Piece, any Error> {
    stream(self.prompt(prompt, options: options), options)
  }

  /// Answers a conversation.
  public func answer(
    _ messages: [ChatMessage], options: TextOptions = TextOptions()
  ) -> AsyncThrowingStream<Piece, any Error> {
    do {
      return stream(try prompt(messages, options: options), options)
    } catch {
      return AsyncThrowingStream { $0.finish(throwing: error) }
    }
  }

  /// One of several texts that could go on from a prompt.
  public struct Choice: Sendable, Equatable {
    public var text: String
    /// The natural log-probability of its tokens behind the prompt.
    public var logprob: Double
    /// Its share of the probability of all that were given.
    public var probability: Double
  }

  /// Says how likely each of some texts is to go on from a prompt, in the order given.
  ///
  /// A text is taken as it is: where a word should follow a word, it begins with a space.
  public func choose(
    _ prompt: String, among texts: [String], options: TextOptions = TextOptions()
  ) async throws -> [Choice] {
    var options = options
    options.room = longest(of: texts)
    return try await choose(self.prompt(prompt, options: options), among: texts)
  }

  /// The tokens of the longest of some texts that could go on from a prompt: the room they need.
  package func longest(of texts: [String]) -> Int {
    texts.map { base.tokenizer.encode(continuing: $0).count }.max() ?? 0
  }

  package func choose(_ prompt: Prompt, among texts: [String]) async throws -> [Choice] {
    let cancel = Mutex<(@Sendable () -> Void)?>(nil)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let begun = choose(prompt, among: texts) { continuation.resume(with: $0) }
        cancel.withLock { $0 = begun }
        // Whoever cancelled before there was anything to cancel has come and gone.
        if Task.isCancelled { begun() }
      }
    } onCancel: {
      cancel.withLock { $0 }?()
    }
  }

  /// Says how likely each of some texts is, without tasks: a server's threads may wait for it.
  /// - Parameter done: called once, as a rule on the engine's thread.
  /// - Returns: what ends the work early; `done` is then told `CancellationError`.
  @discardableResult
  package func choose(
    _ prompt: Prompt, among texts: [String],
    done: @escaping @Sendable (Result<[Choice], any Error>) -> Void
  ) -> @Sendable () -> Void {
    let ids = texts.map { base.tokenizer.encode(continuing: $0) }
    let longest = prompt.ids.count + (ids.map(\.count).max() ?? 0)
    guard !texts.isEmpty, ids.allSatisfy({ !$0.isEmpty }) else {
      done(.failure(ModelError.emptyPrompt))
      return {}
    }
    // One that cannot be read fails them all, before any is computed.
    guard longest <= base.positions else {
      done(.failure(ModelError.tooLong(tokens: longest, positions: base.positions)))
      return {}
    }
    let tally = Tally(texts, done: done)
    for (place, ids) in ids.enumerated() {
      var request = DecodeRequest(
        prompt: prompt.ids + ids, adapter: adapter,
        options: GenerationOptions(maximumTokens: 0), scoredFrom: prompt.ids.count)
      request.logprobs = 0
      tally.keep(
        base.engine.start(
          Engine.Job(
            request: request,
            tell: { [base] piece in
              withExtendedLifetime(base) {
                tally.add(piece.prompt, to: place, isLast: piece.end != nil)
              }
            }, fail: { tally.fail($0) })))
    }
    return { tally.fail(CancellationError()) }
  }

  /// Adds up what several texts are worth until all are scored, or one of them cannot be.
  private final class Tally: Sendable {
    private struct State {
      var sums: [Double]
      var open: Int
      /// What ends the jobs that are still at work.
      var cancels: [@Sendable () -> Void] = []
      var isOver = false
    }

    private let texts: [String]
    private let state: Mutex<State>
    private let done: @Sendable (Result<[Choice], any Error>) -> Void

    init(_ texts: [String], done: @escaping @Sendable (Result<[Choice], any Error>) -> Void) {
      self.texts = texts
      self.done = done
      state = Mutex(State(sums: Array(repeating: 0, count: texts.count), open: texts.count))
    }

    /// Takes what cancels a job, and calls it where all is over already.
    func keep(_ cancel: @escaping @Sendable () -> Void) {
      let isOver = state.withLock { state in
        if !state.isOver { state.cancels.append(cancel) }
        return state.isOver
      }
      if isOver { cancel() }
    }

    func add(_ tokens: [Piece.Token], to place: Int, isLast: Bool) {
      let sums: [Double]? = state.withLock { state in
        for token in tokens { state.sums[place] += Double(token.logprob ?? 0) }
        if isLast { state.open -= 1 }
        guard isLast, state.open == 0, !state.isOver else { return nil }
        state.isOver = true
        state.cancels = []
        return state.sums
      }
      if let sums { done(.success(choices(sums))) }
    }

    /// Ends it, and with it the jobs that nobody waits for any more.
    func fail(_ error: any Error) {
      let cancels: [@Sendable () -> Void]? = state.withLock { state in
        guard !state.isOver else { return nil }
        state.isOver = true
        defer { state.cancels = [] }
        return state.cancels
      }
      guard let cancels else { return }
      for cancel in cancels { cancel() }
      done(.failure(error))
    }

    private func choices(_ sums: [Double]) -> [Choice] {
      let top = sums.max() ?? 0
      let total = sums.reduce(0) { $0 + exp($1 - top) }
      return zip(texts, sums).map {
        Choice(text: $0, logprob: $1, probability: exp($1 - top) / total)
      }
    }
  }

  // MARK: Prompts

  /// Stores what is put to the model.
  package struct Prompt: Sendable {
    package var ids: [Int32]
    /// Whether there was no text.
    package var isEmpty = false
    /// Texts that end the answer, besides those asked for.
    package var stop: [String] = []
    /// How many of the first tokens are no part of what was asked, but a passage put before it.
    package private(set) var passageCount = 0

    package init(ids: [Int32], isEmpty: Bool = false, stop: [String] = []) {
      self.ids = ids
      self.isEmpty = isEmpty
      self.stop = stop
    }

    /// The same behind a passage.
    fileprivate func behind(_ passage: [Int32]) -> Prompt {
      var prompt = self
      prompt.ids = passage + ids
      prompt.passageCount += passage.count
      return prompt
    }
  }

  /// The tokens of a text that is to be continued: what starts a text, then the text.
  package func prompt(_ text: String, options: TextOptions) -> Prompt {
    let tokenizer = base.tokenizer
    let ids = (tokenizer.startID.map { [$0] } ?? []) + tokenizer.encode(text)
    return Prompt(ids: ids, isEmpty: text.isEmpty)
      .behind(passage(for: text, before: ids.count, options))
  }

  /// The tokens of a conversation: by the model's template, or else in the plain form.
  /// - Throws: `TemplateError` where the template does not take these messages.
  package func prompt(_ messages: [ChatMessage], options: TextOptions) throws -> Prompt {
    guard let template = try base.template.get() else {
      let prompt = prompt(Self.plain(messages), options: Self.withoutRetrieval(options))
      let query = messages.last?.content ?? ""
      return prompt.behind(passage(for: query, before: prompt.ids.count, options))
    }
    let text = try template.render(messages)
    let ids = base.tokenizer.encode(text, specials: true)
    let query = messages.last { $0.role == "user" }?.content ?? ""
    return Prompt(ids: ids).behind(passage(for: query, before: ids.count, options))
  }

  /// A conversation for a model that only continues texts: what the user says are paragraphs, and
  /// what the model says goes on where the paragraph before it ends.
  package static func plain(_ messages: [ChatMessage]) -> String {
    messages.reduce(into: "") { text, message in
      if message.role != "assistant", !text.isEmpty { text += "\n\n" }
      text += message.content
    }
  }

  private static func withoutRetrieval(_ options: TextOptions) -> TextOptions {
    var options = options
    options.retrieval = false
    return options
  }

  private func passage(for query: String, before count: Int, _ options: TextOptions) -> [Int32] {
    guard options.retrieval ?? bundle?.manifest.ships.retrieves ?? false, let retrieval else {
      return []
    }
    // The most that an answer may have is no wish that it had as much.
    let answer = options.room ?? min(options.maximumTokens, base.positions / 4)
    return retrieval.passage(
      for: query, room: base.positions - count - min(answer, base.positions),
      tokenizer: base.tokenizer)
  }

  // MARK: Requests

  /// Asks the engine for an answer; what it returns cancels it.
  @discardableResult
  package func start(
    _ prompt: Prompt, options: TextOptions, tell: @escaping @Sendable (Piece) -> Void,
    fail: @escaping @Sendable (any Error) -> Void
  ) -> @Sendable () -> Void {
    base.engine.start(
      Engine.Job(
        request: request(prompt, options), stop: options.stop + prompt.stop,
        promptIsEmpty: prompt.isEmpty, tell: tell, fail: fail))
  }

  private func request(_ prompt: Prompt, _ options: TextOptions) -> DecodeRequest {
    DecodeRequest(
      prompt: prompt.ids, adapter: adapter, options: options.generation(stop: base.ends),
      draw: options.draw, logprobs: options.logprobs,
      scoredFrom: options.tellsPrompt ? prompt.passageCount : nil)
  }

  private func stream(
    _ prompt: Prompt, _ options: TextOptions
  ) -> AsyncThrowingStream<Piece, any Error> {
    stream(request(prompt, options), prompt, options.stop + prompt.stop)
  }

  private func stream(
    _ request: DecodeRequest, _ prompt: Prompt, _ stop: [String]
  ) -> AsyncThrowingStream<Piece, any Error> {
    AsyncThrowingStream { continuation in
      let cancel = base.engine.start(
        Engine.Job(
          request: request, stop: stop, promptIsEmpty: prompt.isEmpty,
          tell: { piece in
            continuation.yield(piece)
            if piece.end != nil { continuation.finish() }
          }, fail: { continuation.finish(throwing: $0) }))
      // The stream holds the base as long as it goes on.
      continuation.onTermination = { [base] end in
        if case .cancelled = end { cancel() }
        withExtendedLifetime(base) {}
      }
    }
  }
}

extension BaseModel {
  /// Opens the model that a bundle's answers come from: its own, or the base it shares.
  public convenience init(of bundle: ModelBundle, limits: ContinuousBatch.Limits = .init()) throws {
    switch bundle.manifest.layout {
    case .merged:
      let paths = bundle.paths.filter { !$0.contains("/") && !$0.hasPrefix("adapter") }
      try self.init(paths: paths, limits: limits, map: bundle.map)
    case .adapter:
      try self.init(
        paths: bundle.basePaths.filter { !$0.contains("/") }, limits: limits, map: bundle.mapBase)
    }
  }
}
