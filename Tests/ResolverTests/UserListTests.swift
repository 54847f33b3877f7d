import ActionCache
import Bytes
import Foundation
import ObjectStore
import Resolver
import Synchronization
import TestKit
import Testing

@Suite struct UserListTests {
  private let temporary: TemporaryStore

  init() throws { temporary = try TemporaryStore() }

  private func read(_ name: String) throws -> UserList {
    try UserList(reading: temporary.folder(name), cache: ActionCache(temporary.store))
  }

  private func path(_ user: User?) -> String? {
    if case .path(let path)? = user?.source { path } else { nil }
  }

  @Test func `a folder has one entry per user, dot-files passed over`() throws {
    for name in ["b/x.txt", "a/y/z.txt", ".hidden/x", "c.txt", "zoë/x", "with space/x"] {
      try Files.write("text", to: temporary.folder("users/" + name))
    }
    #expect(try read("users").users.map(\.name) == ["a", "b", "c.txt", "with space", "zoë"])
  }

  @Test func `lists name users and sources, whatever the name`() throws {
    let long = String(repeating: "n", count: 300)
    try Files.write(
      "user,source\nann,texts/a\n\"with, comma\",texts/b\n\"two\nlines\",\"/abs\"\na/b,c\n\(long),d\n",
      to: temporary.folder("list.csv"))
    let csv = try read("list.csv").users
    #expect(csv.map(\.name) == ["ann", "with, comma", "two\nlines", "a/b", long])
    #expect(path(csv[0]) == temporary.folder("texts/a"))
    #expect(path(csv[2]) == "/abs")
    try Files.write(
      "{\"user\":\"a\\nb\",\"source\":\"x\"}\n\n{\"user\":7,\"source\":\"y\"}\n",
      to: temporary.folder("list.jsonl"))
    #expect(try read("list.jsonl").users.map(\.name) == ["a\nb", "7"])
  }

  @Test(arguments: [
    ("list.csv", "name,path\na,b\n"), ("list.csv", "user,source\na,b\na,c\n"),
    ("list.csv", "user,source\n"), ("list.jsonl", "{\"user\":\"a\"}\n"),
    ("list.jsonl", "not json\n"),
    ("list.json", "{}"), ("list.json", "[1]"), ("list.json", "[{\"input\":\"x\"}]"),
    ("list.json", "[{"),
  ])
  func `wrong lists are refused`(_ name: String, _ text: String) throws {
    try Files.write(text, to: temporary.folder(name))
    #expect(throws: ResolverError.self) { try read(name) }
  }

  @Test(arguments: ["user; source\nann; texts/a\n", " User \tSOURCE\rann\ttexts/a\r"])
  func `lists may be lined up, and divided by other marks`(_ text: String) throws {
    try Files.write(text, to: temporary.folder("list.csv"))
    let users = try read("list.csv").users
    #expect(users.map(\.name) == ["ann"])
    #expect(path(users.first) == temporary.folder("texts/a"))
  }

  @Test func `a quote that nothing closes is an error with its line`() throws {
    try Files.write("user,source\na,b\nc,\"d\ne,f\n", to: temporary.folder("list.csv"))
    let error = #expect(throws: ResolverError.self) { try read("list.csv") }
    guard case .badUsers(_, 3, _)? = error else {
      throw LabError(text: "\(String(describing: error))")
    }
  }

  @Test func `what cannot be read in a user's folder is left out with a warning`() throws {
    try Files.write("text", to: temporary.folder("ann/a.txt"))
    func link(_ name: String, _ target: String) throws {
      try FileManager.default.createSymbolicLink(
        atPath: temporary.folder("ann/" + name), withDestinationPath: target)
    }
    try link("dangling.txt", "nowhere")
    try link("loop.txt", "loop.txt")
    #if os(Linux)
      // A file that even a superuser cannot read from its start.
      try link("memory.txt", "/proc/self/mem")
    #endif
    let cache = try ActionCache(temporary.store)
    let warnings = Warnings()
    for storing in [false, true] {
      let reader = SourceReader(
        cache: cache, audit: ObjectAudit(cache), storing: storing, warn: { warnings.add($0) })
      let digest = try reader.digest(of: temporary.folder("ann"))
      if storing { #expect(try temporary.store.tree(digest).entries.map(\.path) == ["a.txt"]) }
    }
    #expect(warnings.all.count { $0.contains("dangling.txt") } == 2)
    #expect(warnings.all.count { $0.contains("loop.txt") } == 2)
    #if os(Linux)
      #expect(warnings.all.count { $0.contains("memory.txt") } == 2)
    #endif
    #expect(throws: (any Error).self) {
      try SourceReader(cache: cache, audit: ObjectAudit(cache), storing: true)
        .digest(of: temporary.folder("nobody"))
    }
  }

  @Test func `no users and no folder are errors`() throws {
    try Files.makeFolder(temporary.folder("none"))
    #expect(throws: ResolverError.noUsers(path: temporary.folder("none"))) { try read("none") }
    #expect(throws: ResolverError.missingUsers(path: temporary.folder("nowhere"))) {
      try read("nowhere")
    }
  }

  @Test func `questions are cut into one slice per user, splits side by side`() throws {
    try Files.write(
      """
      [{"id": "1", "user_id": "ann", "input": "x [\\"{", "profile": [{"id": "9", "text": "a"}]},
       {"id": "2", "user_id": "bob", "input": "y", "profile": []},
       {"user_id": "ann", "id": "3", "input": "z"}]
      """, to: temporary.folder("q/dev_questions.json"))
    try Files.write(
      "[{\"id\": 4, \"user_id\": \"ann\", \"input\": \"t\"}]",
      to: temporary.folder("q/test_questions.json"))
    try Files.write(
      "{\"task\": \"LaMP_4\", \"golds\": [{\"id\": \"1\", \"output\": \"A\"}, {\"id\": \"2\", \"output\": \"B\"}]}",
      to: temporary.folder("q/dev_outputs.json"))
    let users = try read("q/dev_questions.json").users
    #expect(users.map(\.name) == ["ann", "bob"])
    guard case .slice(let digest, _) = users[0].source else { throw LabError(text: "no slice") }
    let tree = try temporary.store.tree(digest)
    #expect(
      tree.entries.map(\.path) == ["dev_outputs.json", "dev_questions.json", "test_questions.json"])
    let dev = try JSON(parsing: try temporary.store.read(tree.entries[1].digest))
    #expect(dev.arrayValue?.compactMap { $0["id"]?.stringValue } == ["1", "3"])
    let golds = try JSON(parsing: try temporary.store.read(tree.entries[0].digest))
    #expect(golds == ["golds": [["id": "1", "output": "A"]], "task": "LaMP_4"])
    // A second reading finds the same slices without cutting them again.
    guard case .slice(digest, _) = try read("q/dev_questions.json").users[0].source else {
      throw LabError(text: "another slice")
    }
  }

  @Test func `a slice has the outputs of its own questions, under any prefix`() throws {
    func question(_ id: Int, _ user: String) -> String {
      "{\"id\": \(id), \"user_id\": \"\(user)\", \"input\": \"x\"}"
    }
    func write(_ split: String, _ questions: [String], _ golds: ClosedRange<Int>) throws {
      let list = golds.map { "{\"id\": \($0), \"output\": \"\(split) \($0)\"}" }
      try Files.write(
        "[" + questions.joined(separator: ",") + "]",
        to: temporary.folder("LaMP_4-\(split)_questions.json"))
      try Files.write(
        "{\"golds\": [" + list.joined(separator: ",") + "]}",
        to: temporary.folder("LaMP_4-\(split)_outputs.json"))
    }
    try write("validation", [question(0, "ann"), question(1, "ann"), question(2, "bob")], 0...2)
    try write("test", [question(0, "bob"), question(2, "ann"), question(1, "bob")], 0...2)
    let users = try read("LaMP_4-validation_questions.json").users
    #expect(users.map(\.name) == ["ann", "bob"])
    guard case .slice(let digest, _) = users[0].source else { throw LabError(text: "no slice") }
    let tree = try temporary.store.tree(digest)
    let outputs = try tree.entries.filter { $0.path.hasSuffix("outputs.json") }.map {
      try JSON(parsing: try temporary.store.read($0.digest))["golds"]?.arrayValue?
        .compactMap { $0["output"]?.stringValue }
    }
    #expect(outputs == [["test 2"], ["validation 0", "validation 1"]])
  }

  @Test func `without a user the question is the user`() throws {
    try Files.write(
      "[{\"id\": 1, \"input\": \"x\"}, {\"id\": 2, \"input\": \"y\"}]",
      to: temporary.folder("dev_questions.json"))
    #expect(try read("dev_questions.json").users.map(\.name) == ["1", "2"])
  }

  @Test(.enabled(if: Places.hasShared, "\(Places.noShared)"))
  func `real questions have as many users as they should`() throws {
    let path = try #require(Places.shared("data/lamp/news-headline/dev_questions.json"))
    let users = try UserList(reading: path, cache: ActionCache(temporary.store)).users
    #expect(users.count == 44)
  }
}

/// Keeps what a reader warns of.
private final class Warnings: Sendable {
  private let kept = Mutex<[String]>([])
  var all: [String] { kept.withLock { $0 } }
  func add(_ text: String) { kept.withLock { $0.append(text) } }
}
