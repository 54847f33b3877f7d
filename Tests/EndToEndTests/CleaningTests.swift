import Bytes
import Foundation
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// `plm store gc`: what nobody comes back to goes, and nothing else.
@Suite(.enabled(if: Places.executable("plm") != nil, "plm has not been built"))
struct CleaningTests {
  /// The actions of a user's first node that were begun, in order.
  private func begun(_ user: String, in store: String) throws -> [String] {
    var keys: [String] = []
    for line in try Files.text(store + "/journal/main.jsonl").split(separator: "\n") {
      let entry = try JSON(parsing: String(line))
      guard entry["type"] == "started", entry["user"] == .string(user), entry["node"] == "take"
      else { continue }
      keys.append(String(try #require(entry["key"]?.stringValue).dropFirst(7)))
    }
    return keys
  }

  @Test func `cleaning keeps what nodes stand for and removes the rest`() throws {
    let shop = try Workshop()
    _ = try shop.run("build")
    try Files.write("new\n", to: shop.folder("users/ann/text.txt"))
    _ = try shop.run("build")
    let look = try shop.run("store gc", users: nil)
    #expect(look.output.contains("would remove"))
    let count = Files.tree(shop.folder("store/objects")).count
    #expect(try shop.run("store gc", ["--delete"], users: nil).exitCode == 0)
    #expect(Files.tree(shop.folder("store/objects")).count < count)
    _ = try shop.ran()
    #expect(try shop.run("build").output == "2 users: 7 up to date\n")
    #expect(try shop.run("store verify", users: nil).exitCode == 0)
    // The earlier text's results are gone: they are made again.
    try Files.write("one\n", to: shop.folder("users/ann/text.txt"))
    #expect(try shop.run("build").exitCode == 0)
    #expect(try shop.ran() == ["all", "last", "make", "take"])
  }

  @Test func `cleaning takes checkpoints and logs that nobody comes back to, and no others`() throws
  {
    let shop = try Workshop(users: ["ann": "one", "bob": "two"])
    _ = try shop.run("build")
    let store = shop.folder("store")
    func keys(_ user: String) throws -> [String] { try begun(user, in: store) }
    func leaveWork(_ key: String) throws {
      try Files.write("step 3", to: "\(store)/work/\(key)/checkpoint")
    }
    // Of ann's note: a build was killed over it, and then it was edited again.
    for text in ["killed", "edited"] {
      try Files.write(text + "\n", to: shop.folder("users/ann/text.txt"))
      Files.remove(shop.folder("runs"))
      let running = try shop.start(
        "build", environment: ["PLM_THREADS": text == "killed" ? "30" : "0"])
      if text == "killed" {
        for _ in 0..<500 where try keys("ann").count < 2 { usleep(10_000) }
        running.kill(SIGKILL)
      }
      _ = running.wait()
    }
    let ann = try keys("ann")
    try #require(ann.count == 3)
    // Bob's was killed and waits to be gone on with.
    try Files.write("waits\n", to: shop.folder("users/bob/text.txt"))
    let running = try shop.start("build", ["bob"], environment: ["PLM_THREADS": "30"])
    for _ in 0..<500 where try keys("bob").count < 2 { usleep(10_000) }
    running.kill(SIGKILL)
    _ = running.wait()
    let bob = try #require(keys("bob").last)
    // Two that no build knows of: one is new, one has lain there for long.
    let (new, old) = (Digest(of: "new").hex, Digest(of: "old").hex)
    for key in ann + [bob, new, old] { try leaveWork(key) }
    for path in ["\(store)/work/\(old)/checkpoint", "\(store)/work/\(old)"] {
      let long = timeval(tv_sec: 1_000_000_000, tv_usec: 0)
      utimes(path, [long, long])
    }
    // Somebody is at the first one at this very moment.
    let held = open("\(store)/work/\(ann[0])", O_RDONLY)
    #expect(flock(held, LOCK_EX) == 0)

    let result = try shop.run("store gc", ["--delete", "--json"], users: nil)
    #expect(result.exitCode == 0, "\(result.errors)")
    let facts = try JSON(parsing: result.output)
    let removed = facts["work"]?.arrayValue?.compactMap(\.stringValue)
    #expect(removed == [ann[1], ann[2], old].map { "sha256:" + $0 }.sorted())
    #expect(Set(Files.names(store + "/work")) == [ann[0], bob, new])
    // Logs: what a node printed last, and what bob's killed action did.
    func hasLog(_ key: String) -> Bool {
      Files.exists("\(store)/logs/\(key.prefix(2))/\(key.dropFirst(2)).log")
    }
    #expect([ann[0], ann[1], ann[2], bob].map(hasLog) == [false, false, true, true])
    #expect(try shop.run("log", ["ann/take"]).output == "done take\n")
    close(held)
    #expect(try shop.run("build").exitCode == 0)
    #expect(
      try shop.run("store gc", users: nil).output.contains("checkpoints of action sha256:\(ann[0])")
    )
  }

  @Test func `nothing is cleaned while a build goes on`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    let running = try shop.start("build", environment: ["PLM_THREADS": "30"])
    for _ in 0..<500 where !Files.exists(shop.folder("runs")) { usleep(10_000) }
    let result = try shop.run("store gc", ["--delete"], users: nil)
    #expect(result.exitCode == 75, "\(result.errors)")
    running.kill(SIGTERM)
    _ = running.wait()
  }
}
