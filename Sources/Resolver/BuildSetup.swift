public import ActionCache
import Bytes
import Foundation
public import Graph
import ObjectStore

/// Gathers what a build needs to begin, checking everything that can be checked before it does.
public struct BuildSetup: Sendable {
  public let cache: ActionCache
  public let checked: CheckedPipeline
  public let stages: [String: StageCatalog.Stage]
  public let programs: [String: CommandProgram]
  public let users: UserList
  /// The users that gather nodes with a list of their own read.
  public let over: [String: [String]]
  /// The folder that relative paths of the pipeline are meant from.
  public let root: String

  /// - Parameter pipeline: with the settings of the command line laid over it.
  /// - Throws: `InvalidPipeline`, `ResolverError`: nothing has run then.
  public init(
    cache: ActionCache, pipeline: Pipeline, catalog: StageCatalog, users: UserList, root: String
  ) async throws {
    self.cache = cache
    self.users = users
    self.root = root
    let names = pipeline.nodes.compactMap { node in
      if case .stage(let name) = node.work { name } else { nil }
    }
    stages = try await catalog.describe(names)
    var known = stages.mapValues(\.description)
    // Stages that are there but not used are known by name, for suggestions.
    for name in catalog.names where known[name] == nil {
      known[name] = StageDescription(name: name, version: 0)
    }
    checked = try pipeline.checked(against: known)
    var programs: [String: CommandProgram] = [:]
    var over: [String: [String]] = [:]
    for step in checked.steps {
      if case .command(let words) = step.node.work {
        programs[step.name] = try CommandProgram(step.node, words: words, root: root) { path in
          try Self.digest(of: path, cache)
        }
      }
      if let list = step.node.over {
        let path = list.hasPrefix("/") ? list : "\(root)/\(list)"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
          throw ResolverError.missingList(path: path, node: step.name)
        }
        over[step.name] = text.split(whereSeparator: \.isNewline).map(String.init)
      }
    }
    self.programs = programs
    self.over = over
  }

  private static func digest(of path: String, _ cache: ActionCache) throws -> Digest {
    guard let stamp = FileStamp(path: path) else { throw FileError(.open, path, code: 2) }
    if let known = try cache.digest(of: path, stamp: stamp) { return known }
    let digest = try Digest(ofFile: path)
    // A file changed a moment ago could change again within one tick of the clock.
    if Timestamp.now.milliseconds - Int(stamp.changed / 1_000_000) > 2000 {
      cache.remember([ActionCache.Known(path: path, stamp: stamp, digest: digest)])
    }
    return digest
  }

  /// Reads the words of the command line.
  public func targets(_ words: [String], user: String?) throws -> [Target] {
    let reader = TargetReader(
      nodes: checked.steps.map { ($0.name, $0.scope) }, users: users.users.map(\.name))
    if words.isEmpty, let user { return [try reader.readUser(user)] }
    return try words.map { try reader.read($0, user: user) }
  }

  /// Makes a builder for targets.
  public func builder(
    targets: [Target], runner: any Runner, options: Builder.Options,
    observe: @escaping @Sendable (BuildEvent) -> Void = { _ in }
  ) -> Builder {
    Builder(
      cache: cache, pipeline: checked, plan: Plan(checked, targets: targets, over: over),
      users: users.users, over: over, runner: runner, programs: programs, root: root,
      options: options, observe: observe)
  }

  /// Makes the runner that really runs things.
  /// - Parameter workers: how many stages may be kept running between actions; 0 for none.
  public func processRunner(workers: Int) -> ProcessRunner {
    ProcessRunner(
      store: cache.store, stages: stages, programs: programs, root: root, workers: workers)
  }
}
