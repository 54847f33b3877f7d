import ActionCache
import ArgumentParser
import Bytes
import Graph
import ObjectStore

struct LineageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lineage",
    abstract: "Follows an artifact back to the source files, action by action.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "A digest or a prefix of one, USER/NODE or USER/NODE.OUTPUT.")
  var artifact: String

  mutating func run() throws {
    let cache = try common.openCache()
    let reference = try Reference(artifact, in: cache, user: common.user)
    var walk = Walk(cache)
    switch reference.subject {
    case .object(let digest): try walk.follow(digest, "", depth: 0, preferring: nil)
    case .output(let record, let name, let digest):
      try walk.follow(digest, name, depth: 0, preferring: record)
    case .action(let record), .failure(let record): try walk.follow(record, depth: 0)
    }
    if common.json {
      Terminal.write(["actions": .array(walk.actions), "sources": .array(walk.sources)] as JSON)
    } else {
      Terminal.write(walk.text)
    }
  }

  /// Goes from artifacts to the actions that made them, each action once.
  private struct Walk {
    let cache: ActionCache
    var text = ""
    var actions: [JSON] = []
    var sources: [JSON] = []
    var seen: Set<Digest> = []

    init(_ cache: ActionCache) { self.cache = cache }

    mutating func follow(
      _ digest: Digest, _ label: String, depth: Int, preferring record: ActionRecord?
    ) throws {
      let indent = String(repeating: "  ", count: depth)
      let makers = try cache.producers(of: digest)
      // Users may own the same artifact: the one asked about comes first.
      let maker = record ?? makers.first
      let name = label.isEmpty ? "" : "\(label) "
      guard let maker else {
        text += "\(indent)\(name)\(digest)"
        if let tree = try? gathered(digest) {
          text += " (gathered)\n"
          for part in tree { try follow(part, "", depth: depth + 1, preferring: nil) }
          return
        }
        text += " (from outside)\n"
        sources.append(["digest": .string(digest.description), "input": .string(label)])
        if cache.store.kind(of: digest) == .tree, let tree = try? cache.store.tree(digest) {
          for entry in tree.entries.prefix(20) { text += "\(indent)  \(entry.path)\n" }
          if tree.entries.count > 20 { text += "\(indent)  … \(tree.entries.count - 20) more\n" }
        }
        return
      }
      text += "\(indent)\(name)\(digest)\n"
      try follow(maker, depth: depth + 1)
    }

    mutating func follow(_ record: ActionRecord, depth: Int) throws {
      let indent = String(repeating: "  ", count: depth)
      let target = UserName.target(user: record.user, node: record.node)
      guard seen.insert(record.key).inserted else {
        text += "\(indent)by \(target), as above\n"
        return
      }
      text += "\(indent)by \(target) (\(record.stage) \(record.version)), \(record.end)\n"
      actions.append(record.json)
      for (name, digest) in record.inputs.sorted(by: { $0.key < $1.key }) {
        try follow(digest, name, depth: depth + 1, preferring: nil)
      }
    }

    /// The outputs that a gathered tree was made of; nil if this is no such tree.
    private func gathered(_ digest: Digest) throws -> [Digest]? {
      guard cache.store.kind(of: digest) == .tree else { return nil }
      var parts: [Digest] = []
      for entry in try cache.store.tree(digest).entries {
        if try cache.producers(of: entry.digest).isEmpty == false { parts.append(entry.digest) }
      }
      return parts.isEmpty ? nil : parts
    }
  }
}
