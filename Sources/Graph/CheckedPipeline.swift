public import Bytes

/// Stores a pipeline whose every node fits its stage, in an order in which it can run.
public struct CheckedPipeline: Sendable {
  /// One node with what its stage says of itself and its parameters worked out.
  public struct Step: Sendable {
    public let node: Node
    /// For a command, made from what the node declares.
    public let description: StageDescription
    /// The parameters set by pipeline or command line, canonical; to be passed to the stage.
    public let settings: [String: JSON]
    /// All parameters that belong to the action's key: defaults expanded, no execution ones.
    public let keyParameters: [String: JSON]
    /// The positions of the nodes it reads.
    public let upstream: [Int]
    /// The barrier it runs after: a gather node waits for all users, who wait for what is shared.
    public let phase: Int

    public var name: String { node.name }
    public var scope: Node.Scope { node.scope }
  }

  public let pipeline: Pipeline
  /// In topological order; what is independent keeps the order of the file.
  public let steps: [Step]
  private let positions: [String: Int]

  init(pipeline: Pipeline, steps: [Step]) {
    self.pipeline = pipeline
    self.steps = steps
    positions = Dictionary(
      steps.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func position(of node: String) -> Int? { positions[node] }

  public var phases: Int { (steps.map(\.phase).max() ?? -1) + 1 }
}
