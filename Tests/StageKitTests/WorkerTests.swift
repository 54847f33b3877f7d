import Bytes
import ObjectStore
import Synchronization
import TestKit
import Testing

@testable import StageKit

@Suite struct WorkerTests {
  let console: Console
  var store: ObjectStore { console.home.store }

  init() throws { console = try Console() }

  @Test func `One answer a line, in order, each with its id; failures stay with their action`()
    async throws
  {
    let good = try store.put(Array("a\nb\n".utf8))
    let gone = Digest(of: "gone")
    let empty = try store.put([])
    let result = try await console.run(
      Count.self, ["--worker"],
      lines: [
        #"{"id":1,"in":{"text":"\#(good)"},"set":{"least":1}}"#,
        "",
        #"{"id":"two","in":{"text":"\#(gone)"}}"#,
        #"{"id":3,"in":{"text":"\#(empty)"},"set":{"strict":true}}"#,
        "not json",
        #"{"id":5,"in":{"text":"\#(good)"},"set":{"leest":1}}"#,
        #"{"id":6,"in":{"text":5}}"#,
        #"{"id":7,"inn":{}}"#,
        #"{"id":8,"in":{"text":"\#(good)"}}"#,
      ])
    #expect(result.exitCode == 0)
    let answers = try result.answers.map { try JSON(parsing: $0) }
    #expect(answers.map { $0["id"] } == [1, "two", 3, nil, 5, 6, 7, 8].map { $0 ?? .null })
    #expect(answers.map { $0["exit"]?.intValue } == [nil, 3, 75, 2, 2, 2, 2, nil])
    #expect(answers[1]["damaged"] == .array([.string(gone.description)]))
    #expect(answers[4]["error"]?.stringValue?.contains("did you mean least?") == true)
    #expect(answers[0]["outputs"] == answers[7]["outputs"])
    #expect(answers[0]["outputs"]?["count"] != nil)
    #expect(
      result.progress == [
        #"{"id":1,"lines":2}"#, #"{"id":3,"lines":0}"#, #"{"id":8,"lines":2}"#,
      ])
  }

  @Test func `A worker gives what a single run gives`() async throws {
    let text = try store.put(Array("one\nthree\n".utf8))
    let settings = ["least": "4", "style": "fancy", "share": "1e-2", "title": "ü"]
    let single = try await console.run(
      Count.self,
      ["--in", "text=\(text)"]
        + settings.sorted { $0.key < $1.key }.flatMap { ["--set", "\($0.key)=\($0.value)"] })
    let request: JSON = [
      "id": 1, "in": ["text": .string(text.description)],
      "set": .object(settings.mapValues(JSON.string)),
    ]
    let worker = try await console.run(Count.self, ["--worker"], lines: [request.text])
    #expect(try worker.last()["outputs"] == single.last()["outputs"])
  }

  @Test func `A request may name its own store; without any it is refused`() async throws {
    let other = try TemporaryStore()
    let text = try other.store.put(Array("x\n".utf8))
    let result = try await console.run(
      Count.self, ["--worker"],
      lines: [
        #"{"id":1,"in":{"text":"\#(text)"},"store":"\#(other.path)"}"#,
        #"{"id":2,"in":{"text":"\#(text)"}}"#,
      ], store: false)
    let answers = try result.answers.map { try JSON(parsing: $0) }
    #expect(answers[0]["outputs"] != nil)
    #expect(answers[1]["exit"] == 2)
  }
}

@Suite struct KeepTests {
  /// A stage that loads its base with some effort, and says when it does.
  enum Loader: Stage {
    static let name = "loader"
    static let version = 1
    static let summary = "Loads."
    static let inputs = [Input("base", kind: "text"), Input("text", kind: "text")]
    static let outputs = [Output("sum", kind: "text")]

    static func run(_ context: StageContext) async throws {
      let base = try context.input("base")
      let size = try context.keep("base", for: base.digest) {
        context.log("loading")
        return try base.read().count
      }
      let title = context.keep("title", for: base.digest) { "of \(base.name)" }
      try context.output("sum").write(text: "\(size) \(title) \(try context.input("text").text())")
    }
  }

  @Test func `The latest of each kind is kept for the next action, and changes no result`()
    async throws
  {
    let console = try Console()
    let store = console.home.store
    let bases = try ["aaa", "bbbb"].map { try store.put(Array($0.utf8)) }
    let text = try store.put(Array("x".utf8))
    let order = [0, 0, 1, 1, 0]
    let lines = order.map { #"{"in":{"base":"\#(bases[$0])","text":"\#(text)"}}"# }
    let worker = try await console.run(Loader.self, ["--worker"], lines: lines)
    #expect(worker.log == "loading\nloading\nloading\n")
    for (answer, base) in zip(worker.answers, order) {
      let single = try await console.run(
        Loader.self, ["--in", "base=\(bases[base])", "--in", "text=\(text)"])
      #expect(single.log == "loading\n")
      #expect(try JSON(parsing: answer)["outputs"] == single.last()["outputs"])
    }
  }

  @Test func `What could not be made is not kept`() async throws {
    let console = try Console()
    let store = console.home.store
    let text = try store.put(Array("x".utf8))
    let base = Digest(of: "late")
    let line = #"{"in":{"base":"\#(base)","text":"\#(text)"}}"#
    let lost = try await console.run(Loader.self, ["--worker"], lines: [line])
    #expect(try lost.last()["exit"] == 3)
    _ = try store.put(Array("late".utf8))
    let found = try await console.run(Loader.self, ["--worker"], lines: [line, line])
    #expect(found.log == "loading\n")
  }

  /// A stage that fails over its checkpoints while something of it lives on.
  enum Stubborn: Stage {
    static let name = "stubborn"
    static let version = 1
    static let summary = "Fails."
    static let inputs: [Input] = []
    static let outputs = [Output("nothing", kind: "text")]
    static let left = Mutex<[StageContext]>([])

    static func run(_ context: StageContext) async throws {
      context.log(try context.workFolder.isEmpty ? "" : "has checkpoints")
      left.withLock { $0.append(context) }
      throw CancellationError()
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `An action that failed can be tried again by the same worker`() async throws {
    let console = try Console()
    let result = try await console.run(Stubborn.self, ["--worker"], lines: ["{}", "{}"])
    #expect(result.log == "has checkpoints\nhas checkpoints\n")
  }
}
