import Bytes
import Foundation
import Graph
import ObjectStore
import Synchronization
import TestKit
import Testing

@testable import Resolver

/// Stages that stay for the next action: everything is as with a process for every action, sooner.
@Suite(.enabled(if: Places.executable("probe") != nil, "needs the probe stage to be built"))
struct WorkerTests {
  /// One node for each user, which does what the user's text says.
  static let pipeline = """
    version: 1
    sources: { base: base, history: "{user.source}" }
    nodes:
      obey: { stage: probe, in: { text: history, more: base }, set: { mood: obey, times: 2 } }
    """

  /// The process that did an action, by its log.
  private func runner(_ log: String) -> Int32? {
    log.split(separator: "\n").first { $0.contains("process ") }
      .flatMap { $0.split(separator: " ").last }.flatMap { Int32($0) }
  }

  private func isRunning(_ process: Int32) -> Bool { kill(process, 0) == 0 }

  private static let texts = ["one", "two", "three", "four", "five", "six", "seven", "eight"]

  @Test func `a worker does many actions, with the results and logs of single runs`() async throws {
    let users = Dictionary(uniqueKeysWithValues: Self.texts.map { ($0, $0) })
    let (lab, plain) = (
      try Lab(Self.pipeline, users: users), try Lab(Self.pipeline, users: users)
    )
    let kept = try await lab.buildForReal(workers: 3)
    let single = try await plain.buildForReal(workers: 0)
    #expect(kept.map(\.status) == Array(repeating: .ran, count: 8))
    #expect(kept.map(\.outputs) == single.map(\.outputs))
    let logs = try kept.map { try lab.log($0) }
    let singleLogs = try single.map { try plain.log($0) }
    func words(_ log: String) -> [Substring] {
      log.split(separator: "\n").filter { $0 != "loading" }.map { line in
        line.hasSuffix("}") ? line : line.prefix { $0 != "," }
      }
    }
    #expect(logs.map(words) == singleLogs.map(words))
    // Two jobs, so at most two processes, each of which loads once.
    let processes = Set(logs.compactMap(runner))
    #expect((1...2).contains(processes.count))
    #expect(logs.filter { $0.contains("loading") }.count == processes.count)
    #expect(Set(singleLogs.compactMap(runner)).count == 8)
    // None of them outlives the build.
    #expect(processes.allSatisfy { !isRunning($0) })
  }

  @Test func `a crash fails the action it was on, and no other`() async throws {
    let lab = try Lab(
      Self.pipeline,
      users: [
        "a": "one", "b": "crash", "c": "two", "d": "leave", "e": "three", "f": "fail", "g": "g",
      ])
    let outcomes = try await lab.buildForReal(workers: 3, jobs: 1)
    #expect(outcomes.map(\.status) == [.ran, .failed, .ran, .failed, .ran, .failed, .ran])
    #expect(outcomes.map(\.exit) == [0, 137, 0, 1, 0, 1, 0])
    #expect(outcomes["b/obey"]?.message == "killed by signal 9")
    #expect(outcomes["d/obey"]?.message == "it ended without an answer")
    #expect(outcomes["f/obey"]?.message == "probe: asked to fail · the text · write another")
    let processes = try outcomes.compactMap { runner(try lab.log($0)) }
    // Those that ended cost a process each, and no more.
    #expect(processes.count == 4 && Set(processes).count <= 3)
  }

  @Test func `the runner hears when the last action of a stage is settled, run or not`()
    async throws
  {
    let lab = try Lab(
      """
      version: 1
      sources: { history: "{user.source}" }
      nodes:
        first: { stage: probe, in: { text: history } }
        second: { stage: probe, in: { text: first.copy } }
        count: { command: [sh, "{in.text}", "{out.made}"], in: { text: second.copy }, out: [made] }
      """)
    let runner = FakeRunner(lab.store) { action, store in
      if action.user == "bob" { return .failed(exit: 1, message: "no luck") }
      return try await FakeRunner.write(action, store)
    }
    _ = try await lab.build(runner: runner)
    let probe = runner.retired.filter { $0.stage == "probe" }
    // Of bob's second there is nothing to wait for: his first failed.
    #expect(probe.count == 1)
    #expect(
      probe.first?.ran.filter { $0 != "ann/count" } == ["ann/first", "ann/second", "bob/first"])
  }

  private func launch(_ store: ObjectStore) throws -> Launch {
    Launch(
      path: try #require(Places.executable("probe")),
      arguments: ["--worker", "--store", store.path],
      environment: StageEnvironment.minimal)
  }

  private func request(_ home: TemporaryStore, _ text: String, mood: String = "obey") throws
    -> Worker.Request
  {
    Worker.Request(
      inputs: ["text": try home.store.put(Array(text.utf8))], settings: ["mood": .string(mood)],
      log: home.folder("log"), progress: { _ in })
  }

  @Test func `one that was killed while it rested costs no action`() async throws {
    let home = try TemporaryStore()
    let worker = Worker(stage: "probe", memory: 0, launch: try launch(home.store))
    var seen: Set<Int32> = []
    for _ in 0..<3 {
      guard case .answer = await worker.ask(try request(home, "x")) else {
        throw LabError(text: "no answer")
      }
      let process = try #require(runner(Files.text(home.folder("log"))))
      seen.insert(process)
      kill(process, SIGKILL)
    }
    #expect(seen.count == 3)
    await worker.end()
  }

  @Test func `a failure that is answered does not cost the process`() async throws {
    let home = try TemporaryStore()
    let worker = Worker(stage: "probe", memory: 0, launch: try launch(home.store))
    var seen: [Int32] = []
    for text in ["x", "fail", "x", "crash", "x"] {
      let reply = await worker.ask(try request(home, text))
      if case .ended(let end) = reply { #expect(text == "crash" && end.signal == SIGKILL) }
      if text == "x" { seen.append(try #require(runner(Files.text(home.folder("log"))))) }
    }
    #expect(seen[0] == seen[1] && seen[1] != seen[2])
    await worker.end()
  }

  @Test func `a cancelled task ends what its worker is at`() async throws {
    let home = try TemporaryStore()
    let worker = Worker(stage: "probe", memory: 0, launch: try launch(home.store))
    let hanging = try request(home, "x", mood: "hang")
    let task = Task { await worker.ask(hanging) }
    try await Task.sleep(for: .milliseconds(300))
    let start = ContinuousClock.now
    task.cancel()
    guard case .ended(let end) = await task.value else { throw LabError(text: "it goes on") }
    #expect(end.signal == SIGTERM)
    #expect(ContinuousClock.now - start < .seconds(10))
    await worker.end()
  }

  @Test func `those that rested longest end first, and all where no more are wanted`() async throws
  {
    let home = try TemporaryStore()
    let launch = try launch(home.store)
    let pool = WorkerPool(limit: 2, memory: 1000)
    func use(_ stage: String, memory: Int = 100) async throws -> Int32 {
      let worker = await pool.take(stage, memory: memory) { launch }
      _ = await worker.ask(try request(home, "x"))
      await pool.giveBack(worker)
      return try #require(runner(Files.text(home.folder("log"))))
    }
    let (a, b) = (try await use("a"), try await use("b"))
    #expect(try await use("a") == a)
    let c = try await use("c")
    #expect([a, b, c].map(isRunning) == [true, false, true])
    // Where all together might need more memory than there is, those that rest make room.
    let d = try await use("d", memory: 950)
    #expect([a, c, d].map(isRunning) == [false, false, true])
    await pool.retire("d")
    #expect(!isRunning(d))
    let e = try await use("e")
    await pool.close()
    #expect(!isRunning(e))
  }

  @Test func `secrets reach the workers of those who declare them alone`() async throws {
    // Any variable of this process that no stage gets unasked.
    let plain = Set(StageEnvironment.minimal.keys)
    let secret = try #require(
      ProcessInfo.processInfo.environment.keys.sorted().first {
        !plain.contains($0) && !["_", "SHLVL", "PWD", "OLDPWD"].contains($0)
      })
    let lab = try Lab(
      """
      version: 1
      sources: { history: "{user.source}" }
      nodes:
        told: { stage: told, in: { text: history } }
        quiet: { stage: quiet, in: { text: history } }
      """)
    // Stages that are no Swift: they tell what they see, and write nothing.
    for (name, secrets) in [("told", "\"\(secret)\""), ("quiet", "")] {
      try Files.write(
        """
        #!/bin/sh
        if [ "$1" = --describe ]; then
          echo '{"name":"\(name)","version":1,"inputs":[{"name":"text"}],"outputs":[],"secrets":[\(secrets)]}'
          exit
        fi
        while read -r line; do
          env | sed 's/=.*//' >&2
          id=${line#*'"id":'}
          echo '{"id":'"${id%%,*}"',"outputs":{}}'
        done

        """, to: lab.root + "/stages/\(name)")
      Files.setMode(lab.root + "/stages/\(name)", 0o755)
    }
    let outcomes = try await lab.buildForReal(workers: 4)
    for user in ["ann", "bob"] {
      let told = try lab.log(outcomes["\(user)/told"]).split(separator: "\n")
      let quiet = try lab.log(outcomes["\(user)/quiet"]).split(separator: "\n")
      #expect(told.contains { $0 == secret }, "\(outcomes)")
      #expect(!quiet.isEmpty && !quiet.contains { $0 == secret })
    }
  }
}
