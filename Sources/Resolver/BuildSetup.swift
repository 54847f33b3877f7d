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
        over[step.name] = try Self.names(inList: path, node: step.name)
      }
    }
    self.programs = programs
    self.over = over
  }

  private static func names(inList path: String, node: String) throws(ResolverError) -> [String] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw .missingList(path: path, node: node)
    }
    let names = text.split(whereSeparator: \.isNewline).map(String.init)
    guard !names.isEmpty else { throw .emptyList(path: path, node: node) }
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw .listedTwice(name, path: path, node: node)
    }
    return names
  }

  /// Says who is named in the lists of the nodes that a plan wants and is none of the users: their
  /// results will be missing.
  private func strangers(_ plan: Plan) -> [String] {
    let known = Set(users.users.map(\.name))
    return plan.global.sorted().flatMap { position in
      let step = checked.steps[position]
      let unknown = (over[step.name] ?? []).filter { !known.contains($0) }
      let place = "\(step.name): \(step.node.over ?? "its list") names"
      let words = unknown.prefix(5).map { name in
        let meant = Suggestion.nearest(to: name, among: known)
        return "\(place) '\(name)', who is none of the users"
          + (meant.map { "; did you mean '\($0)'?" } ?? "")
      }
      return unknown.count > 5
        ? words + ["\(place) \(unknown.count - 5) more who are none of the users"] : words
    }
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
    let plan = Plan(checked, targets: targets, over: over)
    for warning in strangers(plan) { observe(.warning(warning)) }
    return Builder(
      cache: cache, pipeline: checked, plan: plan,
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
