public import Bytes
public import Graph

/// Stores one run of a node that is to be done.
public struct Action: Sendable {
  public let key: Digest
  public let step: CheckedPipeline.Step
  /// Nil for a node that is not of one user.
  public let user: String?
  public let inputs: [String: Digest]
  /// The cores it has been granted.
  public let cores: Int
  /// Where its log goes.
  public let log: String

  public init(
    key: Digest, step: CheckedPipeline.Step, user: String?, inputs: [String: Digest], cores: Int,
    log: String
  ) {
    self.key = key
    self.step = step
    self.user = user
    self.inputs = inputs
    self.cores = cores
    self.log = log
  }
}

/// Says how an action went.
public enum ActionResult: Sendable, Equatable {
  case finished(outputs: [String: Digest], kernels: String?)
  case failed(exit: Int32, message: String)
  /// It was not run: this is a dry run.
  case planned
  case interrupted
}

/// Runs actions; builds that run for real, dry runs and tests differ in nothing else.
public protocol Runner: Sendable {
  /// Whether actions are really run, so that sources have to be stored and results recorded.
  var isReal: Bool { get }

  /// Runs an action to its end.
  /// - Parameter progress: is given what the action reports on its way.
  func run(_ action: Action, progress: @escaping @Sendable (JSON) -> Void) async -> ActionResult

  /// Hears that no more actions of a stage wait: what was kept for them is of no more use.
  func retire(stage: String) async

  /// Hears that the build is over: nothing runs on.
  func close() async
}

extension Runner {
  public func retire(stage: String) async {}
  public func close() async {}
}

/// Runs nothing.
public struct DryRunner: Runner {
  public init() {}
  public var isReal: Bool { false }

  public func run(
    _ action: Action, progress: @escaping @Sendable (JSON) -> Void
  ) async -> ActionResult {
    .planned
  }
}
