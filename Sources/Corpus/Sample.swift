public import Bytes

/// Stores one training pair and where it came from.
public struct Sample: Codable, Equatable, Sendable {
  /// Names the sample within its file.
  public var id: String
  /// What is given; empty for free text.
  public var prompt: String
  /// What is to be learned.
  public var completion: String
  public var origin: Origin
  /// The task it is an example of, such as `LaMP_4`.
  public var task: String?
  /// What the filter decided; nil before it ran.
  public var verdict: Verdict?
  /// Why it was rejected: the name of the check.
  public var reason: String?
  /// What the checks measured, by name.
  public var scores: [String: Double]?

  public init(
    id: String, prompt: String, completion: String, origin: Origin, task: String? = nil,
    verdict: Verdict? = nil, reason: String? = nil, scores: [String: Double]? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.completion = completion
    self.origin = origin
    self.task = task
    self.verdict = verdict
    self.reason = reason
    self.scores = scores
  }

  /// Says whether a sample may be trained on.
  public enum Verdict: String, Codable, Sendable {
    case accepted, rejected
  }

  /// Says how a sample came about.
  public struct Origin: Codable, Equatable, Sendable {
    /// `synthetic`, or `record` for a user's own.
    public var kind: String
    /// The model that wrote it: a digest for a local one, a name for a remote one.
    public var teacher: String?
    /// The digest of the canonical request it answers.
    public var request: Digest?
    /// Which of several replies to the same request it is from, from 0.
    public var draw: Int?
    /// The ids of the records that were shown.
    public var examples: [String]?

    public init(
      kind: String, teacher: String? = nil, request: Digest? = nil, draw: Int? = nil,
      examples: [String]? = nil
    ) {
      self.kind = kind
      self.teacher = teacher
      self.request = request
      self.draw = draw
      self.examples = examples
    }
  }

  /// Whether it may be trained on: accepted, or never filtered.
  public var isUsable: Bool { verdict != .rejected }
}
