import Dispatch
import Foundation
package import Models
import Synchronization
package import Tokenizers

/// Runs one base model in a thread of its own, for everybody whose adapter is over it.
///
/// Requests come from any thread and are continued together (`ContinuousBatch`); what comes of each
/// is told on the engine's thread.
package final class Engine: Sendable {
  /// What is asked for.
  package struct Job: Sendable {
    package var request: DecodeRequest
    /// Texts that end an answer.
    package var stop: [String] = []
    /// Whether the prompt had no text: then a first space is no part of the answer.
    package var promptIsEmpty = false
    /// Is told every piece; the last one has `end`. Must be quick.
    package var tell: @Sendable (Piece) -> Void
    /// Is told why there is no answer, instead of an end.
    package var fail: @Sendable (any Error) -> Void

    package init(
      request: DecodeRequest, stop: [String] = [], promptIsEmpty: Bool = false,
      tell: @escaping @Sendable (Piece) -> Void, fail: @escaping @Sendable (any Error) -> Void
    ) {
      self.request = request
      self.stop = stop
      self.promptIsEmpty = promptIsEmpty
      self.tell = tell
      self.fail = fail
    }
  }

  package let model: LanguageModel
  package let tokenizer: any Tokenizer
  private let inbox = Inbox()

  package init(
    _ model: LanguageModel, tokenizer: any Tokenizer, limits: ContinuousBatch.Limits = .init()
  ) {
    self.model = model
    self.tokenizer = tokenizer
    let inbox = inbox
    let thread = Thread {
      var worker = Worker(model, tokenizer, limits, inbox)
      worker.run()
    }
    thread.stackSize = 4 << 20
    thread.name = "plm engine"
    thread.start()
  }

  deinit { inbox.put(.close) }

  /// Begins a job; what it returns cancels it.
  @discardableResult
  package func start(_ job: Job) -> @Sendable () -> Void {
    let inbox = inbox
    let id = inbox.newID()
    inbox.put(.start(id, job))
    return { inbox.put(.cancel(id)) }
  }

  /// Lets go of what is kept for an adapter.
  package func forget(_ adapter: Adapter) { inbox.put(.forget(adapter)) }

  /// How many jobs are waiting or running, and the bytes of all caches, as of the last step.
  package var load: (jobs: Int, cacheBytes: Int) { inbox.load }
}

/// Passes orders to an engine's thread.
private final class Inbox: Sendable {
  enum Order: Sendable {
    case start(UInt64, Engine.Job)
    case cancel(UInt64)
    case forget(Adapter)
    case close
  }

  private struct Content {
    var orders: [Order] = []
    var nextID: UInt64 = 0
    var load: (jobs: Int, cacheBytes: Int) = (0, 0)
  }

  private let content = Mutex(Content())
  private let arrived = DispatchSemaphore(value: 0)

  func newID() -> UInt64 {
    content.withLock { content in
      content.nextID += 1
      return content.nextID
    }
  }

  func put(_ order: Order) {
    content.withLock { $0.orders.append(order) }
    arrived.signal()
  }

  /// Takes all orders; waits for one if there is nothing else to do.
  func take(waiting: Bool) -> [Order] {
    while true {
      let orders = content.withLock { content in
        defer { content.orders = [] }
        return content.orders
      }
      if !orders.isEmpty || !waiting { return orders }
      arrived.wait()
    }
  }

  var load: (jobs: Int, cacheBytes: Int) {
    get { content.withLock { $0.load } }
    set { content.withLock { $0.load = newValue } }
  }
}

/// Does an engine's work on its thread.
private struct Worker {
  private let tokenizer: any Tokenizer
  private let batch: ContinuousBatch
  private let inbox: Inbox
  private var answers: [ContinuousBatch.Ticket: Answer] = [:]
  private var tickets: [UInt64: ContinuousBatch.Ticket] = [:]

  /// Stores how far one answer is.
  private struct Answer {
    let id: UInt64
    let job: Engine.Job
    var text: TextAssembler
    var usage = Piece.Usage()
    /// Tokens of the prompt that are not told yet.
    var prompt: [Piece.Token] = []
  }

  init(
    _ model: LanguageModel, _ tokenizer: any Tokenizer, _ limits: ContinuousBatch.Limits,
    _ inbox: Inbox
  ) {
    self.tokenizer = tokenizer
    self.inbox = inbox
    batch = ContinuousBatch(model, limits: limits)
  }

  mutating func run() {
    while true {
      for order in inbox.take(waiting: batch.isIdle) {
        if case .close = order { return }
        obey(order)
      }
      for (ticket, event) in batch.step() { tell(ticket, event) }
      inbox.load = (batch.count, batch.cacheBytes)
    }
  }

  private mutating func obey(_ order: Inbox.Order) {
    switch order {
    case .start(let id, let job):
      do throws(ModelError) {
        let ticket = try batch.add(job.request)
        let dropsSpace = job.promptIsEmpty && tokenizer is SentencePieces
        answers[ticket] = Answer(
          id: id, job: job, text: TextAssembler(stops: job.stop, dropsSpace: dropsSpace))
        tickets[id] = ticket
      } catch {
        job.fail(error)
      }
    case .cancel(let id):
      guard let ticket = tickets.removeValue(forKey: id) else { return }
      batch.cancel(ticket)
      answers[ticket] = nil
    case .forget(let adapter): batch.forget(adapter)
    case .close: break
    }
  }

  private mutating func tell(_ ticket: ContinuousBatch.Ticket, _ event: DecodeEvent) {
    guard var answer = answers[ticket] else { return }
    switch event {
    case .read(let token): answer.prompt.append(piece(of: token))
    case .began(let reused):
      answer.usage.prompt = answer.job.request.prompt.count
      answer.usage.reused = reused
    case .token(let token):
      answer.usage.completion += 1
      var (piece, isStopped) = answer.text.append(piece(of: token))
      if isStopped {
        batch.cancel(ticket)
        end(answer, ticket, &piece, .stop)
        return
      }
      if !piece.text.isEmpty || !piece.tokens.isEmpty {
        piece.prompt = answer.prompt
        answer.prompt = []
        answer.job.tell(piece)
      }
    case .ended(let how):
      var piece = answer.text.finish()
      end(answer, ticket, &piece, how == .stop ? .stop : .length)
      return
    }
    answers[ticket] = answer
  }

  private mutating func end(
    _ answer: Answer, _ ticket: ContinuousBatch.Ticket, _ piece: inout Piece, _ how: Piece.End
  ) {
    piece.prompt = answer.prompt
    piece.end = how
    piece.usage = answer.usage
    answers[ticket] = nil
    tickets[answer.id] = nil
    answer.job.tell(piece)
  }

  private func piece(of token: ScoredToken) -> Piece.Token {
    return Piece.Token(
      id: token.id, bytes: tokenizer.bytes(of: token.id), logprob: token.logprob,
      likeliest: token.likeliest.map {
        Piece.Token(id: $0.id, bytes: tokenizer.bytes(of: $0.id), logprob: $0.logprob)
      })
  }
}
