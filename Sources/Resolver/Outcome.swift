public import Bytes
public import Graph

/// Stores what became of one node of one user in a build.
public struct Outcome: Sendable {
  /// How it came about.
  public enum Status: String, Sendable {
    /// Nothing had to be done.
    case fresh
    /// The result of an earlier action, or of another process, was found.
    case adopted
    case ran
    case failed
    /// Something it reads failed.
    case blocked
    /// It would run, if this were no dry run.
    case planned
    case interrupted
  }

  public var node: String
  public var user: String?
  public var status: Status
  public var key: Digest?
  public var inputs: [String: Digest] = [:]
  public var outputs: [String: Digest] = [:]
  /// Why it ran or would run; of a fresh one there are none.
  public var reasons: [Reason] = []
  public var exit: Int32 = 0
  public var message: String?
  public var seconds: Double = 0
  /// What was noticed and put right on the way.
  public var warnings: [String] = []

  public init(node: String, user: String?, status: Status) {
    self.node = node
    self.user = user
    self.status = status
  }

  /// Whether its outputs can be read.
  public var isDone: Bool {
    switch status {
    case .fresh, .adopted, .ran: true
    case .failed, .blocked, .planned, .interrupted: false
    }
  }

  /// The name of the target: `USER/NODE`, or `NODE`.
  public var target: String { UserName.target(user: user, node: node) }
}

/// Says what is going on in a build.
public enum BuildEvent: Sendable {
  /// How many actions of each node there are at most.
  case planned(actions: [String: Int], users: Int)
  case started(node: String, user: String?, reasons: [Reason])
  /// What a running action reports.
  case progress(node: String, user: String?, JSON)
  case finished(Outcome)
  case warning(String)
}
