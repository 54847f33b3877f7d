import ActionCache
import Bytes
import ObjectStore
import Resolver
import TestKit
import Testing

@testable import plm

/// Which bundle of a user is in use.
@Suite struct CurrentBundleTests {
  let temporary: TemporaryStore
  let cache: ActionCache

  init() throws {
    temporary = try TemporaryStore()
    cache = try ActionCache(temporary.store)
  }

  /// Records a package action as a build does.
  @discardableResult
  private func build(
    _ name: String, loss: Double, text: String = "sha256:a", accept: Bool = false
  ) throws -> (outcome: Outcome, decisions: [CurrentBundle.Decision]) {
    let manifest: JSON = [
      "format": "plm-bundle 2", "name": .string(name),
      "gate": [
        "ships": "personal", "validation_text": .string(text),
        "validation_arms": ["personal": ["loss": .double(loss), "bits_per_byte": 0]],
      ],
    ]
    let file = TreeEntry(
      path: "manifest.json", digest: try cache.store.put(manifest.bytes), size: manifest.bytes.count
    )
    let bundle = try cache.store.put(tree: [file])
    let key = Digest(of: name)
    try cache.record([
      .action(
        ActionRecord(
          key: key, node: "package", user: "ann", stage: "package", version: 2, parameters: [:],
          inputs: [:], outputs: ["bundle": bundle], start: Timestamp(milliseconds: 1),
          end: Timestamp(milliseconds: 2), host: "here"))
    ])
    var outcome = Outcome(node: "package", user: "ann", status: .ran)
    outcome.key = key
    outcome.outputs = ["bundle": bundle]
    return (outcome, try decide(outcome, accept: accept))
  }

  private func decide(_ outcome: Outcome, accept: Bool = false) throws -> [CurrentBundle.Decision] {
    try CurrentBundle(cache: cache, acceptsWorse: accept).decide([outcome])
  }

  private func current() throws -> Digest? {
    try cache.currentBundle(user: "ann", node: "package")?.key
  }

  @Test func `a worse bundle does not take a better one's place`() throws {
    #expect(try build("first", loss: 3).decisions.isEmpty)
    #expect(try build("better", loss: 2.9).decisions.isEmpty)
    #expect(try current() == Digest(of: "better"))
    let worse = try build("worse", loss: 3.1)
    #expect(worse.decisions.first?.words.contains("stays in use") == true)
    #expect(try current() == Digest(of: "better"))
    // Asked again, it is said again; garbage collection keeps what is in use.
    #expect(try decide(worse.outcome).count == 1)
    #expect(try cache.current().contains { $0.key == Digest(of: "better") })
    #expect(try UserResult("ann", nodes: ["package"], in: cache).note != nil)
    // The index is a cache: made anew it says the same.
    Files.remove(cache.store.path + "/index.sqlite")
    let again = try ActionCache(cache.store)
    #expect(try again.currentBundle(user: "ann", node: "package")?.key == Digest(of: "better"))
  }

  @Test func `what cannot be compared, hardly differs or is asked for is taken`() throws {
    try build("first", loss: 3)
    try build("other texts", loss: 4, text: "sha256:b")
    #expect(try current() == Digest(of: "other texts"))
    try build("about alike", loss: 4.001, text: "sha256:b")
    #expect(try current() == Digest(of: "about alike"))
    try build("asked for", loss: 9, text: "sha256:b", accept: true)
    #expect(try current() == Digest(of: "asked for"))
  }

  @Test func `a bundle that is lost keeps nobody's place`() throws {
    let first = try build("first", loss: 3)
    try cache.store.remove(try #require(first.outcome.outputs["bundle"]))
    try build("worse", loss: 4)
    #expect(try current() == Digest(of: "worse"))
  }
}
