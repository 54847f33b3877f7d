import ActionCache
import Bytes
import Foundation
import Graph
import ObjectStore

/// Says what an input of an action is at the moment.
enum Material {
  case there(Digest)
  /// An optional input that nobody provides.
  case absent
  /// Only known once that node has run: a dry run.
  case awaited(String)
  case blocked(by: String)
  case unreadable(exit: Int32, message: String)
}

extension Builder {
  /// Returns what each input of a node is.
  func materials(
    _ step: CheckedPipeline.Step, user: User?, source: OwnSource?
  ) -> [String: Material] {
    step.node.inputs.mapValues { reference in
      switch reference {
      case .source(let name): material(ofSource: name, source)
      case .output(let node, let output): material(node, output, user: user)
      case .gathered(let node, let output): gather(node, output, for: step)
      }
    }
  }

  private func material(ofSource name: String, _ source: OwnSource?) -> Material {
    guard let declared = pipeline.pipeline.sources[name] else { return .absent }
    guard declared.isOfUser else { return sharedSource(name).map(Material.there) ?? .absent }
    guard let source else { return .absent }
    do {
      return .there(try source.digest())
    } catch {
      return .unreadable(exit: Failure.exitCode(of: error), message: "\(error)")
    }
  }

  private func material(_ node: String, _ output: String, user: User?) -> Material {
    guard let position = pipeline.position(of: node) else { return .absent }
    let isOfUser = pipeline.steps[position].scope == .user
    guard let outcome = outcome(isOfUser ? user?.name : nil, position) else {
      return .blocked(by: node)
    }
    if outcome.status == .planned { return .awaited(node) }
    guard outcome.isDone else { return .blocked(by: node) }
    return outcome.outputs[output].map(Material.there) ?? .absent
  }

  /// Makes one tree of an output of many users: `USER` or `USER/PATH`, and who is missing.
  private func gather(_ node: String, _ output: String, for step: CheckedPipeline.Step) -> Material
  {
    guard let position = pipeline.position(of: node) else { return .absent }
    let names = step.node.over == nil ? users.map(\.name) : over[step.name] ?? []
    var entries: [TreeEntry] = []
    var missing: [String] = []
    var isBlocked = false
    do {
      for name in names {
        let outcome = outcome(name, position)
        if outcome?.status == .planned { return .awaited(node) }
        guard let outcome, outcome.isDone, let digest = outcome.outputs[output] else {
          missing.append(name)
          if outcome?.isDone == false { isBlocked = true }
          continue
        }
        entries += try gathered(digest, under: UserName.encoded(name))
      }
      guard !entries.isEmpty else {
        if isBlocked { return .blocked(by: "*.\(node)") }
        let shown = names.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        return .unreadable(
          exit: 1,
          message: "none of the users it gathers from (\(shown)\(names.count > 3 ? " …" : "")) has "
            + "'\(node).\(output)'; name users with --users, and in its list if it has one")
      }
      if !missing.isEmpty {
        let text = JSON.array(missing.sorted().map(JSON.string)).bytes + [UInt8(ascii: "\n")]
        let digest = runner.isReal ? try cache.store.put(text) : Digest(of: text)
        entries.append(TreeEntry(path: UserName.missingList, digest: digest, size: text.count))
      }
      guard runner.isReal else { return .there(Digest(of: try Tree(entries).listing)) }
      return .there(try cache.store.put(tree: entries))
    } catch {
      return .unreadable(exit: Failure.exitCode(of: error), message: "\(error)")
    }
  }

  private func gathered(_ digest: Digest, under folder: String) throws -> [TreeEntry] {
    if cache.store.kind(of: digest) == .tree {
      return try cache.store.tree(digest).entries.map {
        TreeEntry(path: "\(folder)/\($0.path)", digest: $0.digest, size: $0.size)
      }
    }
    return [TreeEntry(path: folder, digest: digest, size: try cache.store.size(of: digest))]
  }

  /// Where each input comes from, in words.
  func origins(_ step: CheckedPipeline.Step, user: User?) -> [String: String] {
    step.node.inputs.mapValues { reference in
      guard case .source(let name) = reference, let source = pipeline.pipeline.sources[name] else {
        return reference.description
      }
      if source.isOfUser {
        if case .path(let path)? = user?.source { return path }
        return "\(name) of \(user?.name ?? "")"
      }
      return source.path
    }
  }
}

/// Turns any error that reaches a node into an exit code.
enum Failure {
  static func exitCode(of error: any Error) -> Int32 {
    switch error {
    case let error as StoreError: error.exitCode == 2 ? 1 : error.exitCode
    case let error as FileError: error.isTemporary ? 75 : 1
    case let error as ResolverError: error.exitCode == 2 ? 1 : error.exitCode
    default: isFull(error) ? 75 : 1
    }
  }

  /// SQLite says so in words of its own.
  private static func isFull(_ error: any Error) -> Bool {
    let text = "\(error)"
    return text.contains("database or disk is full") || text.contains("readonly database")
  }
}
