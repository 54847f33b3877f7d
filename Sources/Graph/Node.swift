public import Bytes

/// Stores one named use of a stage, or of any other program, as a pipeline gives it.
public struct Node: Sendable, Equatable {
  /// How often a node is run.
  public enum Scope: String, Sendable, CaseIterable {
    /// Once.
    case shared
    /// Once per user.
    case user
    /// Once, reading outputs of many users.
    case gather
  }

  /// What a node runs.
  public enum Work: Sendable, Equatable {
    case stage(String)
    /// A program and its arguments, with `{in.NAME}`, `{out.NAME}` and `{set.NAME}` in them.
    case command([String])
  }

  /// Where an input comes from.
  public enum Reference: Sendable, Equatable, CustomStringConvertible {
    case source(String)
    case output(node: String, output: String)
    /// The output of that name of every user the gather node runs over.
    case gathered(node: String, output: String)

    public var description: String {
      switch self {
      case .source(let name): name
      case .output(let node, let output): "\(node).\(output)"
      case .gathered(let node, let output): "*.\(node).\(output)"
      }
    }

    /// The node read from, if any.
    public var node: String? {
      switch self {
      case .source: nil
      case .output(let node, _), .gathered(let node, _): node
      }
    }
  }

  public var name: String
  public var scope: Scope
  public var work: Work
  /// What each input is bound to.
  public var inputs: [String: Reference]
  public var settings: [String: JSON]
  /// The outputs of a command; those of a stage come from its description.
  public var outputs: [String]
  public var resources: StageDescription.Resources
  /// A file with the names of the users that a gather node reads, one a line; nil for all.
  public var over: String?
  /// Environment variables that a command may read.
  public var secrets: [String]
  /// The line of the pipeline file it starts on.
  public var line: Int

  public init(
    _ name: String, _ work: Work, scope: Scope = .user, inputs: [String: Reference] = [:],
    settings: [String: JSON] = [:], outputs: [String] = [],
    resources: StageDescription.Resources = StageDescription.Resources(), over: String? = nil,
    secrets: [String] = [], line: Int = 0
  ) {
    self.name = name
    self.work = work
    self.scope = scope
    self.inputs = inputs
    self.settings = settings
    self.outputs = outputs
    self.resources = resources
    self.over = over
    self.secrets = secrets
    self.line = line
  }
}
