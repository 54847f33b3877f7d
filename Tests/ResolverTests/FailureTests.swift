import ActionCache
import Bytes
import Foundation
import Graph
import ObjectStore
import Resolver
import Synchronization
import TestKit
import Testing

/// What goes wrong for one stays with that one.
@Suite struct FailureTests {
  private static func failing(_ user: String, node: String, exit: Int32 = 1) -> FakeRunner.Work {
    { action, store in
      action.user == user && action.step.name == node
        ? .failed(exit: exit, message: "no luck") : try await Lab.work(action, store)
    }
  }

  @Test func `the failure of one user costs no other, and is told as missing`() async throws {
    let lab = try Lab()
    let outcomes = try await lab.build(
      runner: FakeRunner(lab.store, Self.failing("ann", node: "head")))
    #expect(outcomes["ann/head"]?.status == .failed)
    #expect(outcomes["ann/make"]?.status == .blocked)
    #expect(outcomes["bob/make"]?.status == .ran)
    let all = try #require(outcomes["all"])
    #expect(all.status == .ran)
    let parts = try lab.store.tree(try #require(all.inputs["parts"]))
    #expect(parts.entries.map(\.path) == ["bob", "missing.json"])
    let missing = try #require(parts["missing.json"])
    #expect(String(decoding: try lab.store.read(missing.digest), as: UTF8.self) == "[\"ann\"]\n")
    // Once it works, only what was missing runs.
    #expect(try await lab.ran() == ["all", "ann/head", "ann/make"])
  }

  @Test func `nobody's name is taken for the list of those who are missing`() async throws {
    let lab = try Lab(users: ["ann": "one", "missing.json": "two"])
    let outcomes = try await lab.build(
      runner: FakeRunner(lab.store, Self.failing("ann", node: "head")))
    #expect(outcomes["all"]?.status == .ran)
    let parts = try lab.store.tree(try #require(outcomes["all"]?.inputs["parts"]))
    #expect(parts.entries.map(\.path) == ["%6Dissing.json", "missing.json"])
  }

  @Test func `a failure is no result, and is tried again`() async throws {
    let lab = try Lab(users: ["ann": "one"])
    let runner = FakeRunner(lab.store, Self.failing("ann", node: "take"))
    _ = try await lab.build(runner: runner)
    let outcomes = try await lab.build(runner: DryRunner())
    #expect(outcomes["ann/take"]?.reasons.map(\.kind) == [.neverBuilt, .failedBefore])
    _ = try await lab.build(runner: runner)
    #expect(runner.ran == ["ann/take", "ann/take"])
  }

  @Test func `only what may succeed later is tried again at once`() async throws {
    let lab = try Lab(users: ["ann": "one"])
    let tries = Mutex(0)
    let later = FakeRunner(lab.store) { action, store in
      let number = tries.withLock { count in
        count += 1
        return count
      }
      return number == 1 ? .failed(exit: 75, message: "full") : try await Lab.work(action, store)
    }
    #expect(try await lab.build(["ann/take"], runner: later)["ann/take"]?.status == .ran)
    #expect(later.ran.count == 2)
    let never = FakeRunner(lab.store, Self.failing("ann", node: "head"))
    _ = try await lab.build(["ann/head"], runner: never)
    #expect(never.ran.count == 1)
  }

  @Test func `fail-fast starts nothing after the first failure`() async throws {
    let users = Dictionary(uniqueKeysWithValues: (0..<50).map { ("u\($0)", "\($0)") })
    let lab = try Lab(users: users)
    let runner = FakeRunner(lab.store) { _, _ in .failed(exit: 1, message: "no") }
    let outcomes = try await lab.build(runner: runner, jobs: 1, failFast: true)
    #expect(runner.ran.count < 5)
    #expect(outcomes.contains { $0.status == .interrupted })
  }

  @Test func `outputs that are not there are not recorded`() async throws {
    let lab = try Lab(users: ["ann": "one"])
    let liar = FakeRunner(lab.store) { action, _ in
      .finished(outputs: ["text": Digest(of: "nowhere")], kernels: nil)
    }
    let outcomes = try await lab.build(["ann/take"], runner: liar)
    #expect(outcomes["ann/take"]?.status == .failed)
    #expect(try await lab.ran(["ann/take"]) == ["ann/take"])
  }

  @Test func `a missing shared source stops the build before anything runs`() async throws {
    let lab = try Lab()
    Files.remove(lab.root + "/base")
    let runner = FakeRunner(lab.store)
    await #expect(throws: ResolverError.self) { try await lab.build(runner: runner) }
    #expect(runner.ran.isEmpty)
  }

  @Test func `an optional source may be missing`() async throws {
    let lab = try Lab(
      """
      version: 1
      sources: { words: { path: nowhere, optional: true }, history: "{user.source}" }
      nodes:
        take: { command: [sh, "{in.source}", "{out.text}"], in: { source: history }, out: [text] }
      """, users: ["ann": "one"])
    #expect(try await lab.ran() == ["ann/take"])
  }

  @Test func `a user whose files are gone fails alone`() async throws {
    let lab = try Lab()
    try Files.write(
      "{\"user\":\"ann\",\"source\":\"users/ann\"}\n{\"user\":\"eve\",\"source\":\"users/eve\"}\n",
      to: lab.root + "/list.jsonl")
    lab.users = lab.root + "/list.jsonl"
    let outcomes = try await lab.build(runner: FakeRunner(lab.store, Lab.work))
    #expect(outcomes["ann/make"]?.status == .ran)
    #expect(outcomes["eve/take"]?.status == .failed)
    #expect(outcomes["eve/take"]?.message?.contains("eve") == true)
  }

  @Test func `nothing runs where nobody's files are there, or where one failure is enough`()
    async throws
  {
    let lab = try Lab()
    try Files.write("user,source\nann,users/ann\nbob,gone\ncid,lost\n", to: lab.root + "/list.csv")
    lab.users = lab.root + "/list.csv"
    let runner = FakeRunner(lab.store)
    func missing(others: Int) -> ResolverError {
      .missingOwnFiles(user: "bob", path: lab.root + "/gone", others: others)
    }
    await #expect(throws: missing(others: 0)) { try await lab.build(["bob"], runner: runner) }
    await #expect(throws: missing(others: 1)) {
      try await lab.build(["bob", "cid"], runner: runner)
    }
    await #expect(throws: missing(others: 1)) {
      try await lab.build(runner: runner, failFast: true)
    }
    #expect(runner.ran == [])
  }

  @Test func `two builds at once run no action twice`() async throws {
    let users = Dictionary(uniqueKeysWithValues: (0..<8).map { ("u\($0)", "\($0) text") })
    let lab = try Lab(users: users)
    let slow: FakeRunner.Work = { action, store in
      try await Task.sleep(for: .milliseconds(30))
      return try await Lab.work(action, store)
    }
    let (one, two) = (FakeRunner(lab.store, slow), FakeRunner(lab.store, slow))
    let (root, pipeline, list, store) = (lab.root, lab.pipeline, lab.users ?? "", lab.store)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for runner in [one, two] {
        group.addTask {
          let cache = try ActionCache(store)
          let setup = try await BuildSetup(
            cache: cache, pipeline: try Pipeline(parsing: pipeline, file: "p.yaml"),
            catalog: StageCatalog(folders: []), users: try UserList(reading: list, cache: cache),
            root: root)
          let outcomes = try await setup.builder(
            targets: [], runner: runner, options: Builder.Options(jobs: 2)
          ).run()
          #expect(outcomes.allSatisfy { $0.isDone })
        }
      }
      try await group.waitForAll()
    }
    #expect((one.ran + two.ran).sorted().count == 8 * 3 + 1)
  }

  @Test func `a cancelled build ends soon and records nothing half-done`() async throws {
    let lab = try Lab()
    let store = lab.store
    let (root, pipeline, list) = (lab.root, lab.pipeline, lab.users ?? "")
    let task = Task {
      let cache = try ActionCache(store)
      let setup = try await BuildSetup(
        cache: cache, pipeline: try Pipeline(parsing: pipeline, file: "p.yaml"),
        catalog: StageCatalog(folders: []), users: try UserList(reading: list, cache: cache),
        root: root)
      return try await setup.builder(
        targets: [],
        runner: FakeRunner(store) { _, _ in
          try? await Task.sleep(for: .seconds(60))
          return .interrupted
        }, options: Builder.Options(jobs: 2)
      ).run()
    }
    try await Task.sleep(for: .milliseconds(300))
    task.cancel()
    let outcomes = try await task.value
    #expect(outcomes.allSatisfy { $0.status == .interrupted || $0.status == .blocked })
    #expect(try ActionCache(store).counts().actions == 0)
  }
}

@Suite struct ResourceTests {
  @Test func `no more runs at once than there are cores`() async throws {
    let users = Dictionary(uniqueKeysWithValues: (0..<10).map { ("u\($0)", "text \($0)") })
    let lab = try Lab(
      Lab.chain.replacing("set: { k: 1 }", with: "set: { k: 1 }, resources: { cores: 2 }"),
      users: users)
    let load = Mutex((now: 0, most: 0))
    let runner = FakeRunner(lab.store) { action, store in
      let cores = action.step.node.resources.cores ?? 1
      load.withLock { load in
        load.now += cores
        load.most = max(load.most, load.now)
      }
      try await Task.sleep(for: .milliseconds(5))
      load.withLock { $0.now -= cores }
      return try await Lab.work(action, store)
    }
    _ = try await lab.build(runner: runner, jobs: 3)
    #expect(load.withLock { $0.most } <= 3)
    #expect(load.withLock { $0.most } >= 2)
  }
}
