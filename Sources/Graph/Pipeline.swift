/// Stores a pipeline as its file gives it: well-formed, not yet checked against the stages.
public struct Pipeline: Sendable, Equatable {
  /// A file or folder from outside that nodes read.
  public struct Source: Sendable, Equatable {
    public var path: String
    /// Whether inputs bound to it are simply left out where the path does not exist.
    public var optional: Bool

    public init(_ path: String, optional: Bool = false) {
      self.path = path
      self.optional = optional
    }

    /// Whether every user has one of their own.
    public var isOfUser: Bool { path == Pipeline.userSource }
  }

  /// What stands for the place of a user's own files.
  public static let userSource = "{user.source}"

  /// The file's path, for messages.
  public var file: String
  public var sources: [String: Source]
  /// The nodes in the order of the file.
  public var nodes: [Node]
  /// Where users are listed unless the command line says otherwise.
  public var users: String?

  public init(
    file: String = "pipeline.yaml", sources: [String: Source] = [:], nodes: [Node],
    users: String? = nil
  ) {
    self.file = file
    self.sources = sources
    self.nodes = nodes
    self.users = users
  }
}
