import ActionCache
import Bytes
import Foundation
import ObjectStore
import TestKit
import Testing

/// A record of some action.
func record(
  _ node: String, user: String? = "ann", key: String, outputs: [String: Digest] = [:],
  exit: Int32 = 0, start: Int = 0
) -> ActionRecord {
  ActionRecord(
    key: Digest(of: key), node: node, user: user, stage: "s", version: 1,
    parameters: ["rank": 8, "rate": 0.5], inputs: ["in": Digest(of: "input")], outputs: outputs,
    kernels: "scalar", start: Timestamp(milliseconds: start),
    end: Timestamp(milliseconds: start + 1500), host: "here", exit: exit,
    reasons: [["reason": "forced"]])
}

@Suite struct JournalTests {
  let temporary: TemporaryStore

  init() throws { temporary = try TemporaryStore() }

  private var journal: String { temporary.path + "/journal/main.jsonl" }

  private func open() throws -> ActionCache { try ActionCache(temporary.store) }

  @Test func `a record reads back as it was`() throws {
    let whole = record("train", key: "k", outputs: ["adapter": Digest(of: "o")])
    #expect(ActionRecord(whole.json) == whole)
    #expect(whole.end.description == "1970-01-01T00:00:01.500Z")
    #expect(Timestamp("2026-11-22T16:20:00.123Z")?.description == "2026-11-22T16:20:00.123Z")
  }

  @Test func `an action is found by its key, and only where it succeeded`() throws {
    let cache = try open()
    try cache.record([.action(record("train", key: "a", outputs: ["x": Digest(of: "1")]))])
    try cache.record([.action(record("train", key: "b", exit: 1))])
    #expect(try cache.action(Digest(of: "a"))?.outputs == ["x": Digest(of: "1")])
    #expect(try cache.action(Digest(of: "b")) == nil)
    #expect(try cache.attempt(Digest(of: "b"))?.exit == 1)
    let state = try cache.state(user: "ann", node: "train")
    #expect(state.action?.key == Digest(of: "a"))
    #expect(state.failure?.key == Digest(of: "b"))
    #expect(try cache.producers(of: Digest(of: "1")).count == 1)
    try cache.record([.adopted(user: "ann", node: "train", key: Digest(of: "a"))])
    #expect(try cache.state(user: "ann", node: "train").failure == nil)
  }

  @Test func `many open a new store's index at once`() async throws {
    for _ in 0..<20 {
      let fresh = try TemporaryStore()
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          group.addTask { try ActionCache(fresh.store).counts().actions }
        }
        for try await count in group { #expect(count == 0) }
      }
    }
  }

  @Test func `a deleted index is made again from the journal`() throws {
    try open().record([
      .action(record("train", key: "a")), .action(record("eval", user: nil, key: "b")),
    ])
    for suffix in ["", "-wal", "-shm"] { Files.remove(temporary.path + "/index.sqlite" + suffix) }
    let cache = try open()
    #expect(try cache.places().map(\.node) == ["eval", "train"])
    #expect(try cache.counts().actions == 2)
  }

  @Test(arguments: ["not a database", "", "SQLite format 3\u{0}"])
  func `a damaged index is made again`(_ content: String) throws {
    try open().record([.action(record("train", key: "a"))])
    for suffix in ["-wal", "-shm"] { Files.remove(temporary.path + "/index.sqlite" + suffix) }
    try Files.replace(
      temporary.path + "/index.sqlite", Array(String(repeating: content, count: 500).utf8))
    #expect(try open().action(Digest(of: "a")) != nil)
  }

  @Test func `a damaged page of the index is noticed when it is read, and the index made again`()
    throws
  {
    let path = temporary.path + "/index.sqlite"
    do {
      let cache = try open()
      try cache.record((0..<300).map { .action(record("n\($0)", key: "\($0)")) })
    }
    let bytes = try Files.read(path)
    try #require(bytes.count > 100_000)
    try Files.replace(
      path, Array(bytes.prefix(8192)) + [UInt8](repeating: 0, count: bytes.count - 8192))
    let cache = try open()
    #expect(try cache.places().count == 300)
    #expect(try cache.action(Digest(of: "7")) != nil)
    #expect(try open().counts().actions == 300)
    // Also while it is open, and by whoever has it open too.
    let other = try open()
    try Files.replace(
      path, Array(try Files.read(path).prefix(8192)) + [UInt8](repeating: 0, count: 1 << 17))
    for name in [path + "-wal", path + "-shm"] { #expect(Files.exists(name)) }
    try cache.record([.action(record("more", key: "more"))])
    #expect(try other.counts().actions == 300 || other.counts().actions == 301)
    try other.refresh()
    #expect(try other.counts().actions == 301)
    #expect(try cache.counts().actions == 301)
    #expect(try open().places().count == 301)
  }

  @Test(.enabled(if: TinyDisk.isPossible, "\(TinyDisk.reason)"))
  func `on a full disk what the journal has gained is known all the same`() throws {
    let disk = try #require(TinyDisk(bytes: 2 << 20))
    let store = try ObjectStore.create(at: disk.path + "/store")
    do {
      let cache = try ActionCache(store)
      try cache.record([.action(record("train", key: "a"))])
    }
    try Journal(path: store.path + "/journal/main.jsonl").append(
      (0..<300).map { .action(record("n\($0)", key: "\($0)")) })
    #expect(throws: (any Error).self) {
      try Files.write([UInt8](repeating: 1, count: 4 << 20), to: disk.path + "/filler")
    }
    let cache = try ActionCache(store)
    #expect(try cache.counts().actions == 301)
    #expect(try cache.places().count == 301)
    Files.remove(disk.path + "/filler")
    #expect(try ActionCache(store).counts().actions == 301)
  }

  @Test func `a torn last line costs itself alone`() throws {
    try open().record([.action(record("train", key: "a"))])
    try Files.append("{\"type\":\"action\",\"key\":\"sha2", to: journal)
    let cache = try open()
    #expect(try cache.action(Digest(of: "a")) != nil)
    try cache.record([.action(record("train", key: "b"))])
    #expect(try cache.action(Digest(of: "b")) != nil)
    #expect(try cache.counts().passedOver == 1)
    #expect(try cache.counts().actions == 2)
  }

  @Test func `a shorter or another journal is followed from its beginning`() throws {
    let cache = try open()
    try cache.record([.action(record("train", key: "a")), .action(record("train", key: "b"))])
    try Files.truncate(journal, to: 300)
    try cache.refresh()
    #expect(try cache.counts().actions == 0)
    let other = record("other", key: "c").json.text + "\n"
    try Files.replace(journal, Array(String(repeating: other, count: 5).utf8))
    try cache.refresh()
    #expect(try cache.counts().actions == 5)
    #expect(try cache.places().map(\.node) == ["other"])
  }

  @Test func `what another process records is seen after a refresh`() throws {
    let (one, two) = (try open(), try open())
    try one.record([.action(record("train", key: "a"))])
    try two.refresh()
    #expect(try two.action(Digest(of: "a")) != nil)
  }

  @Test func `many writers at once lose no line`() async throws {
    let path = temporary.store
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          let cache = try ActionCache(path)
          for number in 0..<25 {
            try cache.record([.action(record("n\(writer)", key: "\(writer) \(number)"))])
          }
        }
      }
      try await group.waitForAll()
    }
    let cache = try open()
    #expect(try cache.counts().actions == 100)
    #expect(try cache.counts().passedOver == 0)
  }

  @Test func `a lock goes with its holder`() throws {
    let cache = try open()
    let key = Digest(of: "k")
    var lock = try cache.lock(action: key)
    #expect(lock != nil)
    #expect(try cache.lock(action: key) == nil)
    lock = nil
    #expect(try cache.lock(action: key) != nil)
    _ = lock
    #expect(Files.names(temporary.path + "/locks").isEmpty)
  }

  @Test func `builds share the store, cleaning has it alone`() throws {
    let cache = try open()
    let one = try cache.lock(store: .shared)
    let two = try cache.lock(store: .shared)
    #expect(one != nil && two != nil)
    #expect(try cache.lock(store: .exclusive) == nil)
  }

  @Test func `files are known by their stamps`() throws {
    let cache = try open()
    let file = temporary.folder("file")
    try Files.write("one", to: file)
    let stamp = try #require(FileStamp(path: file))
    cache.remember([.init(path: file, stamp: stamp, digest: Digest(of: "one"))])
    #expect(try cache.digest(of: file, stamp: stamp) == Digest(of: "one"))
    usleep(30_000)
    try Files.write("two", to: file)
    #expect(try cache.digest(of: file, stamp: try #require(FileStamp(path: file))) == nil)
  }

  @Test func `what was not yet durable when the machine went down is listed`() throws {
    let cache = try open()
    func build(_ boot: String) -> JournalEntry {
      .build(
        BuildRecord(
          start: .now, pipeline: "p", users: nil, targets: [], settings: [], boot: boot))
    }
    try cache.record([build("one"), .action(record("train", key: "a"))])
    try cache.sync()
    try cache.record([.action(record("train", key: "b"))])
    #expect(try cache.unsynced(boot: "one").isEmpty)
    #expect(try cache.unsynced(boot: "two").map(\.key) == [Digest(of: "b")])
  }

  @Test func `the users of a pipeline are known however many builds of others came since`() throws {
    let cache = try open()
    func build(_ pipeline: String, users: String?) -> JournalEntry {
      .build(
        BuildRecord(
          start: .now, pipeline: pipeline, users: users, targets: [], settings: [], boot: "one"))
    }
    try cache.record(
      [build("a", users: "old"), build("a", users: "people"), build("a", users: nil)]
        + Array(repeating: build("b", users: "others"), count: 200))
    let last = try cache.lastBuild { $0.pipeline == "a" && $0.users != nil }
    #expect(last?.users == "people")
    #expect(try cache.lastBuild { $0.pipeline == "c" } == nil)
    // An action is found by its key, and by how the key begins.
    try cache.record([.action(record("train", key: "a"))])
    let key = Digest(of: "a")
    #expect(try cache.keys(beginning: String(key.hex.prefix(8))) == [key])
    #expect(try cache.keys(beginning: "%") == [])
  }
}
