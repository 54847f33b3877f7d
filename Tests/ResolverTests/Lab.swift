import ActionCache
import Bytes
import Foundation
import Graph
import ObjectStore
import Resolver
import Synchronization
import TestKit

/// Runs actions in memory, and remembers which.
final class FakeRunner: Runner {
  typealias Work = @Sendable (Action, ObjectStore) async throws -> ActionResult

  private let store: ObjectStore
  private let work: Work
  private let names = Mutex<[String]>([])
  private let retirements = Mutex<[(stage: String, ran: [String])]>([])

  /// - Parameter work: what actions do; by default, to write what they read with the node's name.
  init(_ store: ObjectStore, _ work: @escaping Work = FakeRunner.write) {
    self.store = store
    self.work = work
  }

  var isReal: Bool { true }

  /// The targets that ran, sorted.
  var ran: [String] { names.withLock { $0.sorted() } }

  /// The stages of which no more actions were to come, and what had run by then.
  var retired: [(stage: String, ran: [String])] { retirements.withLock { $0 } }

  func retire(stage: String) async {
    let ran = ran
    retirements.withLock { $0.append((stage, ran)) }
  }

  func run(_ action: Action, progress: @escaping @Sendable (JSON) -> Void) async -> ActionResult {
    names.withLock { $0.append((action.user.map { $0 + "/" } ?? "") + action.step.name) }
    do {
      return try await work(action, store)
    } catch let error as StoreError {
      return .failed(exit: error.exitCode, message: "\(error)")
    } catch {
      return .failed(exit: 1, message: "\(error)")
    }
  }

  /// Writes every output as the node's name and all that it reads.
  static let write: Work = { action, store in
    try finish(action, store, "\(action.step.name)(\(try read(action, store)))")
  }

  static func read(_ action: Action, _ store: ObjectStore) throws -> String {
    try action.inputs.sorted { $0.key < $1.key }.map { name, digest in
      guard store.kind(of: digest) == .tree else {
        return String(decoding: try store.read(digest), as: UTF8.self)
      }
      return try store.tree(digest).entries.map { entry in
        "\(entry.path)=" + String(decoding: try store.read(entry.digest), as: UTF8.self)
      }.joined(separator: ",")
    }.joined(separator: ";")
  }

  static func finish(
    _ action: Action, _ store: ObjectStore, _ text: String
  ) throws -> ActionResult {
    var outputs: [String: Digest] = [:]
    for port in action.step.description.outputs {
      outputs[port.name] = try store.put(Array("\(port.name):\(text)".utf8))
    }
    return .finished(outputs: outputs, kernels: "scalar")
  }
}

/// Owns a store, users and a pipeline to try things on.
final class Lab {
  let temporary: TemporaryStore
  var pipeline: String
  var users: String?
  var settings: [String] = []

  init(_ pipeline: String = Lab.chain, users: [String: String] = ["ann": "one", "bob": "two"])
    throws
  {
    temporary = try TemporaryStore()
    self.pipeline = pipeline
    try Files.write("base", to: root + "/base")
    for (name, text) in users { try Files.write(text, to: file(of: name)) }
    self.users = root + "/users"
  }

  /// Three nodes for each user, the second of which only looks at the first letter, and a gather.
  static let chain = """
    version: 1
    sources: { base: base, history: "{user.source}" }
    nodes:
      take: { command: [sh, "{in.source}", "{out.text}"], in: { source: history }, out: [text] }
      head: { command: [sh, "{in.text}", "{out.head}", "{set.k}"], in: { text: take.text }, out: [head], set: { k: 1 } }
      make: { command: [sh, "{in.head}", "{in.base}", "{out.made}"], in: { head: head.head, base: base }, out: [made] }
      all: { command: [sh, "{in.parts}", "{out.sum}"], scope: gather, in: { parts: "*.make.made" }, out: [sum] }
    """

  /// What the nodes of the chain do.
  static let work: FakeRunner.Work = { action, store in
    guard action.step.name == "head" else { return try await FakeRunner.write(action, store) }
    let text = try FakeRunner.read(action, store)
    let letter = text.drop { $0 != "=" }.dropFirst().prefix(1)
    return try FakeRunner.finish(action, store, String(letter))
  }

  var store: ObjectStore { temporary.store }
  var root: String { temporary.folder.path }

  func file(of user: String) -> String { "\(root)/users/\(user)/text.txt" }

  /// Builds, and returns what became of every node.
  func build(
    _ words: [String] = [], runner: any Runner, jobs: Int = 2, failFast: Bool = false,
    force: Set<String> = []
  ) async throws -> [Outcome] {
    let cache = try ActionCache(store)
    let parsed = try Pipeline(parsing: pipeline, file: "p.yaml").setting(settings)
    let list = try users.map { try UserList(reading: $0, cache: cache) } ?? .none
    let setup = try await BuildSetup(
      cache: cache, pipeline: parsed, catalog: StageCatalog(folders: [Places.products]),
      users: list,
      root: root)
    return try await setup.builder(
      targets: try setup.targets(words, user: nil), runner: runner,
      options: Builder.Options(jobs: jobs, failFast: failFast, force: force)
    ).run()
  }

  /// Builds with real processes, stages being those of the package and of `stages/`.
  /// - Parameter workers: how many stages may rest; 0 for a process for every action.
  func buildForReal(workers: Int, jobs: Int = 2) async throws -> [Outcome] {
    let cache = try ActionCache(store)
    let list = try users.map { try UserList(reading: $0, cache: cache) } ?? .none
    let setup = try await BuildSetup(
      cache: cache, pipeline: try Pipeline(parsing: pipeline, file: "p.yaml"),
      catalog: StageCatalog(folders: [Places.products, root + "/stages"]), users: list, root: root)
    return try await setup.builder(
      targets: [], runner: setup.processRunner(workers: workers),
      options: Builder.Options(jobs: jobs)
    ).run()
  }

  /// What an action printed.
  func log(_ outcome: Outcome?) throws -> String {
    try outcome?.key.map { try Files.text(store.logFile(for: $0)) } ?? ""
  }

  /// Builds with the work of the chain, and returns which targets ran.
  func ran(_ words: [String] = [], jobs: Int = 2) async throws -> [String] {
    let runner = FakeRunner(store, Lab.work)
    let outcomes = try await build(words, runner: runner, jobs: jobs)
    for outcome in outcomes where outcome.status == .failed {
      throw LabError(text: "\(outcome.target): \(outcome.message ?? "")")
    }
    return runner.ran
  }

  /// The outputs of every target.
  func digests() async throws -> [String: [String: Digest]] {
    let outcomes = try await build(runner: DryRunner())
    return Dictionary(
      outcomes.map { ($0.target, $0.outputs) }, uniquingKeysWith: { first, _ in first })
  }

  /// Where an object lies.
  func place(of digest: Digest) throws -> String {
    let stem = "\(store.path)/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
    return ["", ".z", ".tree"].map { stem + $0 }.first { Files.exists($0) } ?? stem
  }
}

struct LabError: Error, CustomStringConvertible {
  let text: String
  var description: String { text }
}

extension [Outcome] {
  subscript(target: String) -> Outcome? { first { $0.target == target } }
}
