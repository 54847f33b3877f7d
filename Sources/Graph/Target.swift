/// Stores what one word of the command line asks for.
public enum Target: Sendable, Hashable {
  /// Every node of one user.
  case user(String)
  /// One node: for all users, or the one there is of a shared or gather node.
  case node(String)
  case userNode(user: String, node: String)
}

/// Says why a word of the command line is no target.
public enum TargetError: Error, Sendable, Equatable {
  case unknown(String, meant: String?)
  case unknownNode(String, target: String, meant: String?)
  case unknownUser(String, target: String, meant: String?)
  case ambiguous(String)
  case notPerUser(node: String, target: String)
}

/// Reads targets against the nodes and users there are.
public struct TargetReader: Sendable {
  private let scopes: [String: Node.Scope]
  /// By name and by encoded name.
  private let users: [String: String]

  public init(nodes: [(name: String, scope: Node.Scope)], users names: [String]) {
    scopes = Dictionary(nodes.map { ($0.name, $0.scope) }, uniquingKeysWith: { first, _ in first })
    var users: [String: String] = [:]
    for name in names { users[UserName.encoded(name)] = name }
    for name in names { users[name] = name }
    self.users = users
  }

  /// Reads `USER`, `NODE` or `USER/NODE`; a user may be named as is or percent-encoded.
  /// - Parameter user: the user meant where only a node is named (`--user`).
  public func read(_ word: String, user: String? = nil) throws(TargetError) -> Target {
    if let user {
      guard let known = users[user] else {
        throw .unknownUser(
          user, target: word, meant: Suggestion.nearest(to: user, among: users.keys))
      }
      return try userNode(known, word, target: word)
    }
    if let slash = word.lastIndex(of: "/") {
      let before = String(word[..<slash])
      let node = String(word[word.index(after: slash)...])
      // `*/train` is the node, where a user is called so too.
      if before == "*" { return try self.node(node, target: word) }
      if let known = users[before] {
        // The whole word may also be the name of a user with a slash in it.
        if users[word] != nil, scopes[node] != nil { throw .ambiguous(word) }
        if users[word] == nil { return try userNode(known, node, target: word) }
      }
    }
    switch (users[word], scopes[word]) {
    case (_?, _?): throw .ambiguous(word)
    case (let user?, nil): return .user(user)
    case (nil, _?): return .node(word)
    case (nil, nil):
      if let slash = word.lastIndex(of: "/") {
        let user = String(word[..<slash])
        throw .unknownUser(
          user, target: word, meant: Suggestion.nearest(to: user, among: users.keys))
      }
      throw .unknown(
        word, meant: Suggestion.nearest(to: word, among: Array(scopes.keys) + Array(users.keys)))
    }
  }

  /// Returns the target that means one user as a whole.
  public func readUser(_ name: String) throws(TargetError) -> Target {
    guard let known = users[name] else {
      throw .unknownUser(
        name, target: name, meant: Suggestion.nearest(to: name, among: users.keys))
    }
    return .user(known)
  }

  private func node(_ name: String, target: String) throws(TargetError) -> Target {
    guard scopes[name] != nil else {
      throw .unknownNode(
        name, target: target, meant: Suggestion.nearest(to: name, among: scopes.keys))
    }
    return .node(name)
  }

  private func userNode(
    _ user: String, _ node: String, target: String
  ) throws(TargetError) -> Target {
    guard let scope = scopes[node] else {
      throw .unknownNode(
        node, target: target, meant: Suggestion.nearest(to: node, among: scopes.keys))
    }
    guard scope == .user else { throw .notPerUser(node: node, target: target) }
    return .userNode(user: user, node: node)
  }
}

extension TargetError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknown(let word, let meant):
      "'\(word)' is neither a user nor a node" + Self.hint(meant)
        + "; plm graph shows the nodes, --users says where the users are"
    case .unknownNode(let node, let target, let meant):
      "'\(target)': there is no node '\(node)'" + Self.hint(meant)
    case .unknownUser(let user, let target, let meant):
      "'\(target)': there is no user '\(user)'" + Self.hint(meant)
        + "; --users says where the users are"
    case .ambiguous(let word):
      "'\(word)' is both a user and a node; write --user '\(word)' for the user, '*/\(word)' for "
        + "the node"
    case .notPerUser(let node, let target):
      "'\(target)': node '\(node)' does not run per user; name it as '\(node)'"
    }
  }

  private static func hint(_ meant: String?) -> String {
    meant.map { "; did you mean '\($0)'?" } ?? ""
  }
}
