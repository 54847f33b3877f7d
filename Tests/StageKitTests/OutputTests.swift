import Bytes
import ObjectStore
import TestKit
import Testing

@testable import StageKit

@Suite struct OutputTests {
  /// Writes its output in ways that the parameter chooses.
  enum Writer: Stage {
    static let name = "writer"
    static let version = 1
    static let summary = "Writes."
    static let way = Parameter("way", default: "", help: "")
    static let inputs = [Input("text", kind: "text", optional: true)]
    static let outputs = [Output("out", kind: "any")]
    static let parameters: [any ParameterDeclaration] = [way]
    struct Plain: Error {}

    static func run(_ context: StageContext) async throws {
      let out = context.output("out")
      switch context[way] {
      case "nothing": break
      case "empty tree": out.makeTree()
      case "twice": for _ in 0..<2 { try out.write("a", [1]) }
      case "both": for path in ["", "a"] { try out.write(path, [1]) }
      case "bad path": try out.write("../a", [1])
      case "unfinished":
        try out.write("a", [1])
        try out.writer("b").write([2])
      case "input": _ = try context.input("none")
      case "error": throw Plain()
      case "swallow": try out.write((try? context.input("text").read()) ?? [])
      case "disguise":
        do { _ = try context.input("text").map() } catch { throw Plain() }
      case "beside":
        let text = try context.input("text").verifiedBeside {}
        try out.write(try text.map().withBytes { Array($0) })
      case "beside, in vain":
        _ = try context.input("text").verifiedBeside {}.map()
        throw Plain()
      case "checkpoint":
        let folder = try context.workFolder
        let steps = Files.names(folder).count
        try Files.write("", to: "\(folder)/\(steps)")
        if steps < 2 { throw Plain() }
        try out.write(text: "\(steps)")
      default: try out.write("mapped", [0, 1], mappable: true)
      }
    }
  }

  let console: Console

  init() throws { console = try Console() }

  @Test(arguments: [
    ("nothing", 1, "not written · out"), ("twice", 1, "written twice"),
    ("both", 1, "written twice"),
    ("bad path", 1, "../a"), ("input", 1, "no such input"), ("error", 1, "Plain"),
  ])
  func `A stage's mistakes are told`(way: String, exitCode: Int, words: String) async throws {
    let result = try await console.run(Writer.self, ["--set", "way=\(way)"])
    #expect(result.exitCode == Int32(exitCode))
    #expect(result.log.contains(words), "\(result.log)")
    #expect(result.answers == [])
  }

  @Test func `An empty tree is an output, a file that was not finished is none`() async throws {
    let empty = try await console.run(Writer.self, ["--set", "way=empty tree"])
    #expect(empty.answers == [#"{"outputs":{"out":"\#(try console.home.store.put(tree: []))"}}"#])
    let result = try await console.run(Writer.self, ["--set", "way=unfinished"])
    let digest = try #require(result.last()["outputs"]?["out"]?.stringValue.flatMap { Digest($0) })
    #expect(try console.home.store.tree(digest).entries.map(\.path) == ["a"])
    #expect(Files.names(console.home.path + "/tmp") == [])
  }

  @Test(arguments: ["swallow", "disguise", "beside", "beside, in vain"])
  func `Damage that a stage hides is found out all the same`(way: String) async throws {
    let store = console.home.store
    let digest = try store.put([1, 2, 3], mappable: true)
    let place = "\(store.path)/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
    try Files.flipBit(place, at: 1)
    let result = try await console.run(
      Writer.self, ["--in", "text=\(digest)", "--set", "way=\(way)"])
    #expect(result.exitCode == 3)
    #expect(result.answers == [#"{"damaged":["\#(digest)"]}"#])
  }

  @Test func `Checkpoints outlive a failure and are gone after success`() async throws {
    for _ in 0..<2 {
      #expect(try await console.run(Writer.self, ["--set", "way=checkpoint"]).exitCode == 1)
      #expect(Files.names(console.home.path + "/work").count == 1)
    }
    #expect(try await console.run(Writer.self, ["--set", "way=checkpoint"]).exitCode == 0)
    #expect(Files.names(console.home.path + "/work") == [])
  }
}
