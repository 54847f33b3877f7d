import Bytes
import Foundation
import TestKit
import Testing

/// The pipeline that people use, with its real stages, on a person of fourteen notes.
@Suite(.serialized) struct PersonalTests {
  @Test func `only what depends on a change runs, and what came before is found again`() throws {
    let person = try PersonalPipeline()
    let first = try person.build()
    #expect(first.count == 14)
    // An action whose inputs equal another's is found instead of run: where the filter accepts no
    // sample, the adapter of real texts is the personal one.
    let found = first.filter { $0.value.status != "ran" }.keys.sorted()
    #expect(found.allSatisfy { ["ada/train", "ada/tokenize"].contains($0) }, "\(found)")

    // Nothing changed; then a file touched but the same.
    #expect(try person.build().values.allSatisfy { $0.status == "fresh" })
    let path = person.folder("users/ada/rain.md")
    try Files.write(Files.text(path), to: path)
    let touched = try person.build()
    #expect(touched.values.allSatisfy { $0.status == "fresh" })

    // One note more. What a node runs for is its inputs: where those come out as before, it rests.
    try person.note("zinc.md", day: 28, "Mended the gutter with zinc. It leaks elsewhere now.")
    let added = try person.build()
    #expect(added["ada/ingest"]?.status == "ran")
    #expect(added["ada/evaluate"]?.status == "ran")
    for (node, outcome) in added where node != "ada/ingest" {
      #expect((outcome.status == "fresh") == (outcome.inputs == first[node]?.inputs), "\(node)")
    }
    let why = try person.run("why", ["ada/ingest"])
    #expect(why.exitCode == 0 && why.output.contains("source"), "\(why.output)")

    Files.remove(person.folder("users/ada/zinc.md"))
    let reverted = try person.build()
    #expect(reverted.values.allSatisfy { $0.status != "ran" })
    #expect(reverted.mapValues(\.outputs) == first.mapValues(\.outputs))
  }

  @Test func `jobs, store and workers change no digest`() throws {
    let person = try PersonalPipeline()
    let one = try person.build(["-j", "1", "--no-workers"])
    let two = try person.build(["-j", "2"], store: "other")
    #expect(one.mapValues(\.outputs) == two.mapValues(\.outputs))
    // Now every stage has done other users' actions before the last one's.
    for user in ["bea", "cyd"] {
      for name in Files.names(person.folder("users/ada")) {
        let text = try Files.text(person.folder("users/ada/" + name))
        try Files.write(
          text.replacing("Looked after", with: "\(user) kept"),
          to: person.folder("users/\(user)/\(name)"))
      }
    }
    let three = try person.build(["-j", "2"])
    #expect(three["ada/train"]?.status == "fresh")
    let four = try person.build(["-j", "1", "--no-workers"], store: "other")
    #expect(three.mapValues(\.outputs) == four.mapValues(\.outputs))
  }

  @Test func `what a bundle may ship is measured with the one passage that it puts`() throws {
    let person = try PersonalPipeline()
    func metrics(_ retrieve: Int) throws -> JSON {
      let built = try person.build(["ada/evaluate", "--set", "evaluate.retrieve=\(retrieve)"])
      let outputs = try JSON(parsing: try #require(built["ada/evaluate"]).outputs)
      let digest = try #require(outputs["metrics"]?.stringValue)
      let cat = try Program.run(
        Workshop.executable(), ["cat", "\(digest)/metrics.json", "--store", person.folder("store")])
      return try JSON(parsing: cat.output)
    }
    let (one, four) = (try metrics(1), try metrics(4))
    #expect(one["arms"]?["base+retrieval"] != four["arms"]?["base+retrieval"])
    #expect(one["validation_arms"]?["base+retrieval"] != nil)
    #expect(one["validation_arms"] == four["validation_arms"])
  }

  static let stages = [
    "ingest", "profile", "tokenize", "train", "synthesize", "filter", "quantize", "evaluate",
    "package",
  ]
  static let isStress = ProcessInfo.processInfo.environment["PLM_STRESS"] == "1"

  /// Ten kills for each stage, at random moments of its life; then the digests of a calm run.
  @Test(.enabled(if: isStress, "a long test: make stress"), arguments: stages + ["plm"])
  func `killed ten times, the next build comes to the same digests`(stage: String) throws {
    let calm = try PersonalPipeline()
    let expected = try calm.build().mapValues(\.outputs)
    let person = try PersonalPipeline()
    var random = SeededRandom(seed: 11, purpose: stage)
    var kills = 0
    for round in 0..<60 where kills < 10 {
      let store = "store\(round)"
      let running = try person.start("build", store: store)
      let delay = UInt32(random.below(stage == "train" || stage == "plm" ? 900_000 : 60_000))
      if stage == "plm" {
        usleep(delay * 3)
        if !running.hasEnded { kills += 1 }
        running.kill(SIGKILL)
      } else {
        for _ in 0..<20_000 where !running.hasEnded {
          if let process = PersonalPipeline.process(of: stage, store: person.folder(store)) {
            usleep(delay)
            if Foundation.kill(process, SIGKILL) == 0 { kills += 1 }
            break
          }
          usleep(500)
        }
      }
      _ = running.wait(seconds: 600)
      let after = try person.build(store: store)
      #expect(after.mapValues(\.outputs) == expected, "\(stage), round \(round)")
      Files.remove(person.folder(store))
    }
    #expect(kills >= 10)
  }
}
