public import ActionCache
import Bytes
import Foundation
public import Graph
import ObjectStore
import Synchronization

/// Brings what a plan wants up to date: whatever can be found in the store is, the rest is run.
///
/// What runs once goes before the users of its phase; users go side by side, a few at a time, each
/// planned only when its turn comes. The failure of one never touches another.
public final class Builder: Sendable {
  /// How to build.
  public struct Options: Sendable {
    public var jobs: Int
    /// Whether the first failure ends everything.
    public var failFast: Bool
    /// Nodes to run whatever is known of them.
    public var force: Set<String>

    public init(jobs: Int, failFast: Bool = false, force: Set<String> = []) {
      self.jobs = jobs
      self.failFast = failFast
      self.force = force
    }
  }

  let cache: ActionCache
  let pipeline: CheckedPipeline
  let plan: Plan
  let users: [User]
  /// The users that gather nodes with a list of their own read.
  let over: [String: [String]]
  let runner: any Runner
  let programs: [String: CommandProgram]
  let options: Options
  let observe: @Sendable (BuildEvent) -> Void
  let audit: ObjectAudit
  let sources: SourceReader
  let pool: ResourcePool
  let root: String
  let host = ProcessInfo.processInfo.hostName
  let ledger = Mutex(Ledger())

  struct Place: Hashable {
    let user: String?
    let position: Int
  }

  struct Ledger {
    var outcomes: [Place: Outcome] = [:]
    var sharedSources: [String: Digest] = [:]
    var lastSync = Timestamp.now
    var failed = false
    /// How many actions of each stage are still to be settled.
    var waiting: [String: Int] = [:]
    var damaged: [Digest] = []
  }

  /// - Parameters:
  ///   - root: the folder that relative paths of the pipeline are meant from.
  ///   - observe: is told what goes on, from any thread.
  public init(
    cache: ActionCache, pipeline: CheckedPipeline, plan: Plan, users: [User],
    over: [String: [String]] = [:], runner: any Runner,
    programs: [String: CommandProgram] = [:], root: String, options: Options,
    observe: @escaping @Sendable (BuildEvent) -> Void = { _ in }
  ) {
    self.cache = cache
    self.pipeline = pipeline
    self.plan = plan
    self.users = users.filter { plan.includes($0.name) }
    self.over = over
    self.runner = runner
    self.programs = programs
    self.root = root
    self.options = options
    self.observe = observe
    audit = ObjectAudit(cache)
    sources = SourceReader(cache: cache, audit: audit, storing: runner.isReal) {
      observe(.warning($0))
    }
    pool = ResourcePool(cores: options.jobs, memory: Int(ProcessInfo.processInfo.physicalMemory))
  }

  /// Builds, and returns what became of every node: first what runs once, then user by user.
  /// - Throws: where nothing can begin, a source missing above all. Failures are outcomes.
  public func run() async throws -> [Outcome] {
    let counts = plan.counts(users: users.map(\.name))
    observe(.planned(actions: counts, users: users.count))
    ledger.withLock { ledger in
      for step in pipeline.steps {
        ledger.waiting[step.description.name, default: 0] += counts[step.name] ?? 0
      }
    }
    try readSharedSources()
    try lookForOwnSources()
    for phase in 0..<pipeline.phases {
      await runGlobal(phase)
      await runUsers(phase)
    }
    await runner.close()
    reportRemainingDamage()
    if runner.isReal { try cache.sync() }
    return ordered()
  }

  // MARK: What is known so far

  func outcome(_ user: String?, _ position: Int) -> Outcome? {
    ledger.withLock { $0.outcomes[Place(user: user, position: position)] }
  }

  func settle(_ outcome: Outcome, at position: Int) {
    ledger.withLock { ledger in
      ledger.outcomes[Place(user: outcome.user, position: position)] = outcome
      if outcome.status == .failed { ledger.failed = true }
    }
    reportDamage()
    for warning in outcome.warnings { observe(.warning("\(outcome.target): \(warning)")) }
    observe(.finished(outcome))
  }

  var mustStop: Bool {
    Task.isCancelled || (options.failFast && ledger.withLock { $0.failed })
  }

  private func ordered() -> [Outcome] {
    let outcomes = ledger.withLock { $0.outcomes }
    let names: [String?] = [nil] + users.map(\.name)
    return names.flatMap { name in
      pipeline.steps.indices.compactMap { outcomes[Place(user: name, position: $0)] }
    }
  }

  // MARK: Sources

  func path(ofSource source: Pipeline.Source) -> String {
    source.path.hasPrefix("/") ? source.path : "\(root)/\(source.path)"
  }

  /// Takes in the sources that all share. They are looked for before anything runs.
  private func readSharedSources() throws {
    var wanted: Set<String> = []
    let steps = plan.global.union(Set(users.flatMap { plan.steps(for: $0.name) }))
    for position in steps {
      for case .source(let name) in pipeline.steps[position].node.inputs.values {
        wanted.insert(name)
      }
    }
    for name in wanted.sorted() {
      guard let source = pipeline.pipeline.sources[name], !source.isOfUser else { continue }
      let path = path(ofSource: source)
      guard FileManager.default.fileExists(atPath: path) else {
        if source.optional { continue }
        throw ResolverError.missingSource(name: name, path: path)
      }
      let digest = try sources.digest(of: path)
      ledger.withLock { $0.sharedSources[name] = digest }
    }
  }

  /// Looks whether users' own files are there before anything runs; they are read in their turn.
  ///
  /// A user of many whose files are gone fails alone, unless the first failure is to end the build.
  private func lookForOwnSources() throws {
    let asked = users.filter { plan.steps(for: $0.name).contains(where: needsOwnFiles) }
    let lost = asked.compactMap { user -> (name: String, path: String)? in
      guard case .path(let path) = user.source, !FileManager.default.fileExists(atPath: path)
      else { return nil }
      return (user.name, path)
    }
    guard let first = lost.first, options.failFast || lost.count == asked.count else { return }
    throw ResolverError.missingOwnFiles(
      user: first.name, path: first.path, others: lost.count - 1)
  }

  private func needsOwnFiles(_ position: Int) -> Bool {
    pipeline.steps[position].node.inputs.values.contains { input in
      guard case .source(let name) = input, let source = pipeline.pipeline.sources[name] else {
        return false
      }
      return source.isOfUser && !source.optional
    }
  }

  func sharedSource(_ name: String) -> Digest? { ledger.withLock { $0.sharedSources[name] } }

  func setSharedSource(_ name: String, _ digest: Digest) {
    ledger.withLock { $0.sharedSources[name] = digest }
  }

  /// Returns the digest of a user's own files.
  func digest(of user: User) throws -> Digest {
    switch user.source {
    case .path(let path): return try sources.digest(of: path)
    case .slice(let digest, let list):
      // What was cut from a list is cut again where the store has lost it.
      let lost =
        try runner.isReal
        && !audit.damage(in: digest, of: "the part of \(user.name) in \(list)").isEmpty
      return lost ? try LaMPQuestions(list).store(user.name, in: cache.store) : digest
    case .questions(let questions):
      return try runner.isReal
        ? questions.store(user.name, in: cache.store) : questions.digest(of: user.name)
    }
  }

  // MARK: Order

  private func runGlobal(_ phase: Int) async {
    let positions = plan.global.filter { pipeline.steps[$0].phase == phase }.sorted()
    await runGraph(positions, user: nil)
  }

  private func runUsers(_ phase: Int) async {
    // A few more users than jobs, so that there is always something ready to run.
    let width = max(4, options.jobs * 2)
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      for user in users {
        if running >= width {
          await group.next()
          running -= 1
        }
        let positions = plan.steps(for: user.name).filter { pipeline.steps[$0].phase == phase }
        if positions.isEmpty { continue }
        group.addTask { await self.runGraph(positions, user: user) }
        running += 1
      }
    }
  }

  /// Runs nodes of one user, or those of none, each as soon as what it reads is done.
  private func runGraph(_ positions: [Int], user: User?) async {
    let source = user.map { user in OwnSource { try self.digest(of: user) } }
    var waiting = positions
    var open = Set(positions)
    await withTaskGroup(of: Int.self) { group in
      func start() {
        waiting.removeAll { position in
          guard pipeline.steps[position].upstream.allSatisfy({ !open.contains($0) }) else {
            return false
          }
          group.addTask {
            let outcome = await self.bring(position, user: user, source: source, rerun: false)
            self.settle(outcome, at: position)
            await self.countDown(self.pipeline.steps[position].description.name)
            return position
          }
          return true
        }
      }
      start()
      while let position = await group.next() {
        open.remove(position)
        start()
      }
    }
  }

  /// Tells the runner when the last action of a stage is settled.
  private func countDown(_ stage: String) async {
    let left = ledger.withLock { ledger in
      ledger.waiting[stage, default: 0] -= 1
      return ledger.waiting[stage, default: 0]
    }
    if left == 0 { await runner.retire(stage: stage) }
  }

  // MARK: Records

  func record(_ entries: [JournalEntry]) throws {
    guard runner.isReal else { return }
    try cache.record(entries)
    // Made durable in groups: a power cut costs a few seconds' work at most, and what it tears is
    // noticed.
    let now = Timestamp.now
    let due = ledger.withLock { ledger in
      guard now.seconds(since: ledger.lastSync) > 5 else { return false }
      ledger.lastSync = now
      return true
    }
    if due { try cache.sync() }
  }
}

/// Reads a user's own files once, when first asked for.
final class OwnSource: Sendable {
  private let read: @Sendable () throws -> Digest
  private let result = Mutex<Result<Digest, any Error>?>(nil)

  init(_ read: @escaping @Sendable () throws -> Digest) { self.read = read }

  func digest() throws -> Digest {
    try result.withLock { result in
      if let result { return try result.get() }
      let fresh = Result { try read() }
      result = fresh
      return try fresh.get()
    }
  }

  /// Reads again at the next call.
  func forget() { result.withLock { $0 = nil } }
}
