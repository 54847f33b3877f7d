import ActionCache
import Bytes
import Graph
import ObjectStore

/// Goes from artifacts to the actions that made them, each action once for every user it was for.
///
/// Users may own equal artifacts, and stand for each other's actions: whose sources are named is
/// decided by who is asked about, not by whose action happened to run.
struct LineageWalk {
  private let cache: ActionCache
  /// The users that anything was ever built for, by the names that paths have for them.
  private let users: [String: String]
  private(set) var text = ""
  private(set) var actions: [JSON] = []
  private(set) var sources: [JSON] = []
  private var seen: Set<Visit> = []

  private struct Visit: Hashable {
    let user: String?
    let key: Digest
  }

  init(_ cache: ActionCache) throws {
    self.cache = cache
    users = Dictionary(
      try cache.places().compactMap(\.user).map { (UserName.encoded($0), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Follows an artifact that is asked for by its digest: where no action gave it as a whole, it may
  /// be a file of one that an action gave.
  mutating func start(at digest: Digest, user: String?) throws {
    if try cache.producers(of: digest).isEmpty, let (tree, path) = try holder(of: digest) {
      text += "\(path) \(digest)\n"
      try follow(tree, "in", for: user, depth: 1)
    } else {
      try follow(digest, "", for: user, depth: 0)
    }
  }

  /// Follows a file of a tree.
  mutating func file(
    _ path: String, _ digest: Digest, of reference: Reference, user: String?
  ) throws {
    text += "\(path) \(digest)\n"
    switch reference.subject {
    case .object(let tree): try follow(tree, "in", for: user, depth: 1)
    case .output(let record, let name, let tree):
      self.name(tree, "in \(name)", depth: 1)
      try follow(record, for: reference.node?.user, depth: 2)
    case .action(let record), .failure(let record):
      try follow(record, for: reference.node?.user, depth: 1)
    }
  }

  mutating func name(_ digest: Digest, _ label: String, depth: Int) {
    let indent = String(repeating: "  ", count: depth)
    text += "\(indent)\(label.isEmpty ? "" : "\(label) ")\(digest)\n"
  }

  /// Follows the action that gave an artifact to a user.
  mutating func follow(
    _ digest: Digest, _ label: String, for user: String?, depth: Int
  ) throws {
    if let maker = try maker(of: digest, for: user) {
      name(digest, label, depth: depth)
      try follow(maker, for: user, depth: depth + 1)
      return
    }
    let indent = String(repeating: "  ", count: depth)
    text += "\(indent)\(label.isEmpty ? "" : "\(label) ")\(digest)"
    let tree = cache.store.kind(of: digest) == .tree ? try? cache.store.tree(digest) : nil
    if let parts = try tree.flatMap({ try gathered($0) }) {
      text += " (gathered)\n"
      for part in parts { try follow(part.digest, "", for: part.user, depth: depth + 1) }
      return
    }
    text += " (from outside)\n"
    sources.append(["digest": .string(digest.description), "input": .string(label)])
    guard let tree else { return }
    for entry in tree.entries.prefix(20) { text += "\(indent)  \(entry.path)\n" }
    if tree.entries.count > 20 { text += "\(indent)  … \(tree.entries.count - 20) more\n" }
  }

  /// Follows an action that a node of a user stands for.
  mutating func follow(_ record: ActionRecord, for asked: String?, depth: Int) throws {
    // What is of no user has inputs of no user.
    let user = record.user == nil ? nil : asked ?? record.user
    let indent = String(repeating: "  ", count: depth)
    let target = UserName.target(user: user, node: record.node)
    guard seen.insert(Visit(user: user, key: record.key)).inserted else {
      text += "\(indent)by \(target), as above\n"
      return
    }
    text += "\(indent)by \(target) (\(record.stage) \(record.version)), \(record.end)\n"
    var json = record.json.objectValue ?? [:]
    json["target"] = .string(target)
    actions.append(.object(json))
    for (name, digest) in record.inputs.sorted(by: { $0.key < $1.key }) {
      try follow(digest, name, for: user, depth: depth + 1)
    }
  }

  /// The action that gave an artifact to a user: one that a node of the user, or one of no user,
  /// stands for; else one of the user's own, else the newest.
  private func maker(of digest: Digest, for user: String?) throws -> ActionRecord? {
    let makers = try cache.producers(of: digest)
    let standing = try makers.first { maker in
      let owner = maker.user == nil ? nil : user ?? maker.user
      return try cache.state(user: owner, node: maker.node).action?.key == maker.key
    }
    return standing ?? makers.first { $0.user == user } ?? makers.first
  }

  /// The outputs that a tree was gathered from, and whose they are; nil if it was not.
  private func gathered(_ tree: Tree) throws -> [(user: String, digest: Digest)]? {
    var parts: [(user: String, entries: [TreeEntry])] = []
    for entry in tree.entries where entry.path != UserName.missingList {
      let folder = entry.path.prefix { $0 != "/" }
      guard let user = users[String(folder)] else { return nil }
      let path = String(entry.path.dropFirst(folder.count + 1))
      let inner = TreeEntry(path: path, digest: entry.digest, size: entry.size)
      if parts.last?.user == user {
        parts[parts.count - 1].entries.append(inner)
      } else {
        parts.append((user, [inner]))
      }
    }
    let outputs = try parts.map { user, entries in
      // An output that is a file stands under the user's name itself.
      let isFile = entries.count == 1 && entries[0].path.isEmpty
      return (user, isFile ? entries[0].digest : Digest(of: try Tree(entries).listing))
    }
    // The users' folders of a source may be called so too.
    let isMade = try outputs.contains { try !cache.producers(of: $0.1).isEmpty }
    return isMade ? outputs : nil
  }

  /// The newest tree among the outputs of actions that has a file of this content, and its path.
  private func holder(of file: Digest) throws -> (tree: Digest, path: String)? {
    for tree in try cache.artifacts() where cache.store.kind(of: tree) == .tree {
      let entries = (try? cache.store.tree(tree))?.entries ?? []
      if let entry = entries.first(where: { $0.digest == file }) { return (tree, entry.path) }
    }
    return nil
  }
}
