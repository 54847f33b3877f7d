import Bytes
import ObjectStore
import TestKit
import Testing

@testable import StageKit

@Suite struct RunTests {
  let console: Console
  var store: ObjectStore { console.home.store }
  let text = "one\ntwo\nthree\n"

  init() throws { console = try Console() }

  @Test func `The same inputs give the same digests, as digest, as prefix, as path`() async throws {
    let digest = try store.put(Array(text.utf8))
    try Files.write(text, to: console.home.folder("in/text.txt"))
    var answers: Set<String> = []
    for input in [
      digest.description, digest.hex, String(digest.description.prefix(14)),
      String(digest.hex.prefix(8)), console.home.folder("in/text.txt"), console.home.folder("in"),
    ] {
      let result = try await console.run(Count.self, ["--in", "text=\(input)"])
      #expect(result.exitCode == 0, "\(input): \(result.log)")
      answers.formUnion(result.answers)
    }
    let expected = try store.put(Array("3 0.25 plain \n".utf8))
    #expect(answers == [#"{"outputs":{"count":"\#(expected)"}}"#])
    #expect(Files.names(console.home.path + "/work") == [])
  }

  @Test func `A damaged object that a run writes anew is told of all the same`() async throws {
    let input = try store.put(Array(text.utf8))
    _ = try await console.run(Count.self, ["--in", "text=\(input)"])
    let count = Digest(of: "3 0.25 plain \n")
    try Files.flipBit(
      "\(console.home.path)/objects/\(count.hex.prefix(2))/\(count.hex.dropFirst(2))", at: 0)
    let result = try await console.run(Count.self, ["--in", "text=\(input)"])
    #expect(result.exitCode == 0)
    let told = try JSON(parsing: result.progress.last ?? "")["damaged"]?.objectValue
    #expect(told?.keys.sorted() == [count.description])
    #expect(try store.read(count) == Array("3 0.25 plain \n".utf8))
  }

  @Test func `Parameters, streams and taken over files get into the outputs`() async throws {
    try Files.write(text, to: console.home.folder("t"))
    let result = try await console.run(
      Count.self,
      [
        "--in=text=\(console.home.folder("t"))", "--set", "least=4", "--set=style=fancy",
        "--set", "title=a=b", "--set", "share=1",
      ])
    let outputs = try #require(result.last()["outputs"])
    let count = try #require(outputs["count"]?.stringValue.flatMap { Digest($0) })
    #expect(try store.read(count) == Array("1 1.0 fancy a=b\n".utf8))
    let tree = try store.tree(try #require(outputs["lines"]?.stringValue.flatMap { Digest($0) }))
    #expect(tree.entries.map(\.path) == ["all/text.txt", "kept.txt"])
    #expect(try store.read(try #require(tree["kept.txt"]).digest) == Array("three\n".utf8))
    #expect(tree["all/text.txt"]?.digest == Digest(of: text))
    #expect(result.progress == [#"{"lines":3}"#])
  }

  @Test(arguments: [
    (["--set", "least=1"], "missing input · text"),
    (["--set", "leest=1"], "did you mean least?"),
    (["--set", "zzzzzz=1"], "known: least, share"),
    (["--set", "least=many"], "not a whole number · least=many"),
    (["--set", "least=1.5"], "not a whole number"),
    (["--set", "least=-1"], "it may be 0 to 1000000"),
    (["--set", "share=nan"], "not a number"),
    (["--set", "strict=yes"], "not true or false"),
    (["--set", "style=fncy"], "did you mean fancy?"),
    (["--set", "style"], "write --set NAME=VALUE"),
    (["--set"], "an option without its value · --set"),
    (["--in", "txet=x"], "did you mean text?"),
    (["--in", "text=/no/such/file"], "neither a path nor the digest"),
    (["--in", "text=a", "--in", "text=b"], "given twice"),
    (["--in", "text=ffff"], "neither a path nor the digest"),
    (["--verbose"], "unknown option · --verbose"),
    (["text"], "unknown option · text"),
  ])
  func `Wrong usage ends with 2 and says what was meant`(
    arguments: [String], words: String
  ) async throws {
    let result = try await console.run(Count.self, arguments)
    #expect(result.exitCode == 2)
    #expect(result.log.contains(words), "\(result.log)")
    #expect(result.log.hasPrefix("count: "))
    #expect(result.answers == [])
  }

  @Test func `A prefix that several objects share is refused`() async throws {
    var seen: [Substring: Digest] = [:]
    var number = 0
    while true {
      let digest = try store.put(Array("object \(number)".utf8))
      number += 1
      let prefix = digest.hex.prefix(4)
      if seen.updateValue(digest, forKey: prefix) != nil {
        let result = try await console.run(Count.self, ["--in", "text=sha256:\(prefix)"])
        #expect(result.exitCode == 2)
        #expect(result.log.contains("2 objects begin like this"))
        return
      }
    }
  }

  @Test func `No store named is wrong usage; a file in its place too`() async throws {
    let result = try await console.run(Count.self, ["--in", "text=x"], store: false)
    #expect(result.exitCode == 2)
    #expect(result.log.contains("--store DIR"))
    try Files.write("mine", to: console.home.folder("mine/letter.txt"))
    let other = try await console.run(
      Count.self, ["--store", console.home.folder("mine")], store: false)
    #expect(other.exitCode == 2)
    #expect(other.log.contains("not a store"))
  }

  @Test func `Damaged and missing inputs end with 3 and are named in the last line`() async throws {
    let digest = try store.put(Array(text.utf8), mappable: true)
    let tree = try store.put(tree: [TreeEntry(path: "a", digest: digest, size: text.utf8.count)])
    let place = "\(console.home.path)/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
    try Files.flipBit(place, at: 3)
    let damaged = try await console.run(Count.self, ["--in", "text=\(tree)"])
    #expect(damaged.exitCode == 3)
    #expect(damaged.answers == [#"{"damaged":["\#(digest)"]}"#])
    #expect(damaged.log.contains(digest.description))
    let missing = try await console.run(Count.self, ["--in", "text=\(digest)"])
    #expect(missing.exitCode == 3)
    #expect(missing.answers == [#"{"damaged":["\#(digest)"]}"#])
  }

  @Test func `A stage's own failure keeps its words and its code`() async throws {
    let digest = try store.put([])
    let result = try await console.run(
      Count.self, ["--in", "text=\(digest)", "--set", "strict=true"])
    #expect(result.exitCode == 75)
    #expect(result.log.contains("count: an empty text · text · write something"))
    let binary = try store.put([0xff, 0xfe])
    let other = try await console.run(Count.self, ["--in", "text=\(binary)"])
    #expect(other.exitCode == 1)
    #expect(other.log.contains("not UTF-8 text · input text"))
  }

  @Test func `Without file descriptor 3 progress is told in words`() async throws {
    let digest = try store.put(Array(text.utf8))
    let result = try await console.run(Count.self, ["--in", "text=\(digest)"], progress: false)
    #expect(result.exitCode == 0)
    #expect(result.log.contains("lines 3"))
    #expect(result.progress == [])
  }

  @Test func `The key leaves out execution parameters and absent inputs`() throws {
    let digest = try store.put(Array(text.utf8))
    func key(_ settings: [String: JSON]) throws -> Digest {
      try Action(Count.self, store: store, inputs: ["text": digest.hex], settings: settings).key
    }
    let plain = ActionKey.digest(
      stage: "count", version: 3,
      parameters: ["least": 1, "share": 0.25, "style": "plain", "title": "", "strict": false],
      inputs: ["text": digest])
    #expect(try key([:]) == plain)
    #expect(try key(["threads": 8]) == plain)
    #expect(try key(["least": "1", "share": "0.250", "strict": "false"]) == plain)
    #expect(try key(["least": 2]) != plain)
  }

  @Test(arguments: [
    ("rank", ["rank", "alpha"], "rank"), ("rnak", ["rank", "alpha"], "rank"),
    ("learnig_rate", ["learning_rate", "rank"], "learning_rate"), ("RANK", ["rank"], "rank"),
    ("epoch", ["epochs", "steps"], "epochs"),
  ])
  func `A misspelt name finds the one that was meant`(
    name: String, known: [String], meant: String
  ) {
    #expect(Spelling.nearest(to: name, among: known) == meant)
  }

  @Test func `A name like none of those known finds nothing`() {
    #expect(Spelling.nearest(to: "colour", among: ["rank", "alpha"]) == nil)
    #expect(Spelling.nearest(to: "x", among: []) == nil)
  }
}
