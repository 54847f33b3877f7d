import ActionCache
import Bytes
import Foundation
import Graph
import ObjectStore
import Resolver
import Synchronization
import TestKit
import Testing

/// Which nodes run after which change: counted, not guessed from outputs.
@Suite struct StalenessTests {
  static let everything = [
    "all", "ann/head", "ann/make", "ann/take", "bob/head", "bob/make", "bob/take",
  ]

  @Test func `everything runs once, then nothing`() async throws {
    let lab = try Lab()
    #expect(try await lab.ran() == Self.everything)
    #expect(try await lab.ran().isEmpty)
  }

  @Test func `an edit runs what depends on it, up to where nothing changes`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    try Files.write("other", to: lab.file(of: "ann"))
    // The first letter is the same: the rest is cut off.
    #expect(try await lab.ran() == ["ann/head", "ann/take"])
    try Files.write("zero", to: lab.file(of: "ann"))
    #expect(try await lab.ran() == ["all", "ann/head", "ann/make", "ann/take"])
  }

  @Test func `a touched file is no change`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    usleep(20_000)
    try Files.write("one", to: lab.file(of: "ann"))
    #expect(try await lab.ran().isEmpty)
  }

  @Test func `an edit taken back finds the earlier results`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    try Files.write("xxx", to: lab.file(of: "ann"))
    try Files.write("more", to: lab.root + "/users/ann/more.txt")
    _ = try await lab.ran()
    try Files.write("one", to: lab.file(of: "ann"))
    Files.remove(lab.root + "/users/ann/more.txt")
    let runner = FakeRunner(lab.store, Lab.work)
    let outcomes = try await lab.build(runner: runner)
    #expect(runner.ran.isEmpty)
    #expect(outcomes["ann/take"]?.status == .adopted)
    #expect(outcomes["bob/take"]?.status == .fresh)
    #expect(try await lab.build(runner: runner)["ann/take"]?.status == .fresh)
  }

  @Test func `an edit of equal size at once is noticed`() async throws {
    let lab = try Lab()
    for text in ["aaa", "bbb", "ccc", "ddd"] {
      try Files.write(text, to: lab.file(of: "ann"))
      #expect(try await lab.ran().contains("ann/take"), "\(text)")
    }
  }

  @Test func `a parameter, a source and a command are part of the key`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    lab.settings = ["head.k=2"]
    #expect(try await lab.ran() == ["ann/head", "bob/head"])
    lab.settings = []
    #expect(try await lab.ran().isEmpty)
    try Files.write("another base", to: lab.root + "/base")
    #expect(try await lab.ran() == ["all", "ann/make", "bob/make"])
    lab.pipeline = lab.pipeline.replacing("[sh, \"{in.source}\"", with: "[sh, -x, \"{in.source}\"")
    #expect(try await lab.ran() == ["ann/take", "bob/take"])
  }

  @Test func `the program's content is part of the key`() async throws {
    let lab = try Lab()
    try Files.write("echo 1", to: lab.root + "/tool.sh")
    lab.pipeline = lab.pipeline.replacing(
      "[sh, \"{in.source}\"", with: "[sh, tool.sh, \"{in.source}\"")
    _ = try await lab.ran()
    #expect(try await lab.ran().isEmpty)
    usleep(20_000)
    try Files.write("echo 2", to: lab.root + "/tool.sh")
    #expect(try await lab.ran() == ["ann/take", "bob/take"])
  }

  @Test func `a new user costs nobody else anything but the gathering`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    try Files.write("five", to: lab.file(of: "cyd"))
    #expect(try await lab.ran() == ["all", "cyd/head", "cyd/make", "cyd/take"])
    Files.remove(lab.root + "/users/cyd")
    #expect(try await lab.ran().isEmpty)
  }

  @Test func `the same texts are worked on once, whoever owns them`() async throws {
    let lab = try Lab(users: ["ann": "same", "bob": "same"])
    #expect(try await lab.ran(jobs: 1).count == 4)
  }

  @Test func `targets bring only what they need`() async throws {
    let lab = try Lab()
    #expect(try await lab.ran(["ann/head"]) == ["ann/head", "ann/take"])
    #expect(try await lab.ran(["bob"]) == ["bob/head", "bob/make", "bob/take"])
    #expect(try await lab.ran(["all"]) == ["all", "ann/make"])
  }

  @Test(arguments: ["delete", "truncate", "flip"])
  func `a damaged output is noticed and made again`(_ how: String) async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    let before = try await lab.digests()
    let digest = try #require(before["ann/take"]?["text"])
    let place = try lab.place(of: digest)
    switch how {
    case "delete": Files.remove(place)
    case "truncate": try Files.truncate(place, to: 3)
    default: try Files.flipBit(place, at: 2)
    }
    let runner = FakeRunner(lab.store, Lab.work)
    let outcomes = try await lab.build(runner: runner)
    #expect(runner.ran == ["ann/take"])
    #expect(outcomes["ann/take"]?.reasons.map(\.kind) == [.outputMissing])
    let after = try await lab.digests()
    #expect(after == before)
    #expect(String(decoding: try lab.store.read(digest), as: UTF8.self).contains("one"))
  }

  // With one core, what repairs must not wait for the one it repairs for.
  @Test(.timeLimit(.minutes(10)), arguments: [1, 2])
  func `damage that only the reader sees is repaired, and the reader runs again`(
    jobs: Int
  ) async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    let digest = try #require(try await lab.digests()["ann/take"]?["text"])
    // Bit rot: the file changes and its stamp, as far as the cache knows, does not.
    try Files.flipBit(try lab.place(of: digest), at: 2)
    let stamp = try #require(lab.store.stamp(of: digest))
    try ActionCache(lab.store).remember([
      .init(path: "object:" + digest.hex, stamp: stamp, digest: digest)
    ])
    lab.settings = ["head.k=3"]
    let runner = FakeRunner(lab.store, Lab.work)
    let outcomes = try await lab.build(["ann/head"], runner: runner, jobs: jobs)
    #expect(runner.ran == ["ann/head", "ann/head", "ann/take"])
    #expect(outcomes["ann/head"]?.status == .ran)
    #expect(outcomes["ann/head"]?.warnings.count == 1)
    #expect(Files.names(lab.store.path + "/quarantine").count == 1)
  }

  @Test(.timeLimit(.minutes(10)))
  func `who waits for another's repair holds no cores`() async throws {
    // Two users with the same text have the same actions: one repairs, the other waits for it.
    let lab = try Lab(users: ["ann": "one", "bob": "one"])
    _ = try await lab.ran()
    let digest = try #require(try await lab.digests()["ann/take"]?["text"])
    let (store, place) = (lab.store, try lab.place(of: digest))
    let damaged = Mutex(false)
    lab.settings = ["head.k=3"]
    let runner = FakeRunner(store) { action, store in
      // The first reader finds its input damaged, when both are under way.
      if action.step.name == "head",
        damaged.withLock({ old in
          defer { old = true }; return !old
        })
      {
        try await Task.sleep(for: .milliseconds(300))
        try Files.flipBit(place, at: 2)
      }
      return try await Lab.work(action, store)
    }
    let outcomes = try await lab.build(["ann/head", "bob/head"], runner: runner, jobs: 1)
    #expect(outcomes["ann/head"]?.isDone == true && outcomes["bob/head"]?.isDone == true)
    #expect(runner.ran.filter { $0.hasSuffix("take") }.count == 1)
  }

  @Test func `a damaged snapshot of a source is taken again`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    for object in try lab.store.digests(matching: "") where lab.store.kind(of: object) == .file {
      if try String(decoding: lab.store.read(object), as: UTF8.self) == "one" {
        try Files.flipBit(try lab.place(of: object), at: 0)
      }
    }
    lab.pipeline = lab.pipeline.replacing("[sh, \"{in.source}\"", with: "[sh, -x, \"{in.source}\"")
    #expect(try await lab.ran() == ["ann/take", "bob/take"])
  }

  @Test func `a deleted index changes nothing`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    for suffix in ["", "-wal", "-shm"] { Files.remove(lab.store.path + "/index.sqlite" + suffix) }
    #expect(try await lab.ran().isEmpty)
  }

  @Test func `a torn journal line costs one action`() async throws {
    let lab = try Lab(users: ["ann": "one"])
    _ = try await lab.ran(jobs: 1)
    let journal = lab.store.path + "/journal/main.jsonl"
    let text = try Files.text(journal)
    let lines = text.split(separator: "\n")
    let last = try #require(lines.last { $0.contains("\"type\":\"action\"") })
    let start = try #require(text.range(of: last)).lowerBound
    try Files.replace(journal, Array(text[..<start].utf8) + Array(last.prefix(40).utf8))
    #expect(try await lab.ran(jobs: 1) == ["all"])
    #expect(try await lab.ran(jobs: 1).isEmpty)
  }

  @Test func `the same digests come out for any number of jobs, and in another store`() async throws
  {
    let users = Dictionary(uniqueKeysWithValues: (0..<12).map { ("user\($0)", "text \($0)") })
    let (one, two) = (try Lab(users: users), try Lab(users: users))
    _ = try await one.ran(jobs: 1)
    _ = try await two.ran(jobs: 4)
    let (a, b) = (try await one.digests(), try await two.digests())
    #expect(a == b)
  }

  @Test func `a dry run tells reasons and runs nothing`() async throws {
    let lab = try Lab()
    let fresh = try await lab.build(runner: DryRunner())
    #expect(fresh.allSatisfy { $0.status == .planned && $0.reasons.first?.kind == .neverBuilt })
    #expect(try lab.store.digests(matching: "").isEmpty)
    _ = try await lab.ran()
    try Files.write("three", to: lab.file(of: "ann"))
    let stale = try await lab.build(runner: DryRunner())
    #expect(stale["ann/take"]?.reasons.map(\.kind) == [.inputChanged])
    #expect(stale["ann/head"]?.reasons == [Reason(.waitsFor, "take")])
    #expect(stale["bob/make"]?.status == .fresh)
  }

  @Test func `a forced node runs, and what follows does not where nothing changed`() async throws {
    let lab = try Lab()
    _ = try await lab.ran()
    let runner = FakeRunner(lab.store, Lab.work)
    _ = try await lab.build(runner: runner, force: ["take"])
    #expect(runner.ran == ["ann/take", "bob/take"])
  }

  @Test func `an optional output that was not written leaves an optional input out`() async throws {
    let lab = try Lab(users: ["ann": "one"])
    let outcomes = try await lab.build(
      runner: FakeRunner(lab.store) { action, store in
        action.step.name == "take"
          ? .finished(outputs: [:], kernels: nil) : try await FakeRunner.write(action, store)
      })
    // A command's outputs are none of them optional.
    #expect(outcomes["ann/take"]?.message == "it did not write its output 'text'")
    #expect(outcomes["ann/head"]?.status == .blocked)
  }
}
