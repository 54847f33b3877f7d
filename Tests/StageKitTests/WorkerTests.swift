import Bytes
import ObjectStore
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
