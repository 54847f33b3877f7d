public import Bytes

/// Writes new samples in a user's manner.
///
/// A teacher turns an assignment into a request, answers requests, and finds samples in replies; the
/// three are apart so that a reply that was kept need not be asked for again.
public protocol Teacher: Sendable {
  /// What wrote a sample: a model's name, or the digest of a local one.
  var name: String { get }
  /// How many requests are handed over at once.
  var batchSize: Int { get }

  /// Refuses a plan that it must not carry out, before anything is sent.
  func check(_ assignments: [Assignment]) throws

  /// The request for an assignment: all that the reply depends on.
  func request(for assignment: Assignment) -> JSON

  /// Answers a batch of requests.
  /// - Parameters:
  ///   - missing: the places in the batch whose replies are wanted; others may be answered too.
  ///   - keep: takes each reply as soon as it is there.
  func answer(
    _ batch: [TeacherRequest], missing: [Int],
    keep: @escaping @Sendable (_ place: Int, _ reply: String) throws -> Void
  ) async throws

  /// Finds the samples in a reply; nil if it is not in the form that was asked for.
  func drafts(in reply: String, for assignment: Assignment) -> [Draft]?
}

extension Teacher {
  public func check(_ assignments: [Assignment]) throws {}
}

/// Stores a request with its name.
public struct TeacherRequest: Equatable, Sendable {
  /// All that the reply depends on.
  public let content: JSON
  /// The digest of the canonical form of `content`.
  public let digest: Digest
  /// Which of several equal requests this is, from 0.
  public let draw: Int

  public init(_ content: JSON, draw: Int) {
    self.content = content
    self.digest = Digest(of: content.bytes)
    self.draw = draw
  }
}

/// Stores a training pair as a teacher wrote it.
public struct Draft: Equatable, Sendable {
  public let prompt: String
  public let completion: String

  public init(prompt: String = "", completion: String) {
    self.prompt = prompt
    self.completion = completion
  }
}

/// Keeps replies for ever, by the digest of their request and the draw.
public protocol ReplyKeeping: Sendable {
  /// The reply; nil if there is none, or if it was damaged.
  func reply(to request: Digest, draw: Int) throws -> String?
  /// Keeps a reply, durably.
  func keep(_ reply: String, to request: Digest, draw: Int) throws
}
