import Augmentation
import Bytes
import Corpus
import Persona
import Testing

/// Holds the digests of what ingest, profile, synthesize and filter write for a fixed source.
///
/// Where one of these fails because the output was meant to change: raise the version of the stage,
/// then take over the new digest.
struct GoldenTests {
  private let files = [
    SourceFile(
      path: "notes/one.md",
      bytes: Array("---\ndate: 2020-02-01\n---\nRain fell; we stayed.\n".utf8)),
    SourceFile(
      path: "log.jsonl",
      bytes: Array(
        (0..<24).map {
          """
          {"id":"\($0)","date":"20\(10 + $0 / 3)-01-0\(1 + $0 % 3)","title":"Week \($0 / 3)",\
          "text":"Day \($0) was calm, and we walked \($0 * 7 % 11) miles to the \
          \(["river", "mill", "old road", "garden"][$0 % 4]); nobody spoke of it."}
          """
        }.joined(separator: "\n").utf8)),
    SourceFile(
      path: "table.csv", bytes: Array("id,text\na,\"Quoted, and\nbroken.\"\nb,Plain.\n".utf8)),
  ]

  private func short(_ bytes: [UInt8]) -> String { Digest(of: bytes).short }

  @Test func `ingest, version 1`() throws {
    let reading = try Reading(files)
    let split = try Split(reading.records, keeping: reading.sides)
    let digests = [
      try short(RecordFile.encode(split.history)), try short(RecordFile.encode(split.validation)),
      try short(RecordFile.encode(split.test)), try short(Shingles(of: split.test).encoded()),
      try short(IngestReport(reading, split).encoded()),
    ]
    #expect(
      digests
        == ["6351bcef9396", "ebb1f65ca7a5", "685819cc1065", "0cee1dbf508d", "e8f8753471b8"])
  }

  @Test func `profile, version 1`() throws {
    let records = try Reading(files).records
    let style = Style(records, reference: ["the": 900, "to": 400, "we": 100, "river": 2])
    let digests =
      [try short(BM25Index(records).encoded())] + (try style.encoded().map { short($0.bytes) })
    #expect(
      digests
        == ["e68e7d3510f4", "139831534c02", "1104b04865eb", "c7dac845c773", "27ab37386036"])
  }

  @Test func `synthesize and filter, version 1`() async throws {
    let records = try Reading(files).records
    let generator = ScriptedGenerator { prompt, place, seed in
      GeneratedText(
        ", and \(seed % 97) of us went \(place) miles to the \(prompt.asLongAs.count % 2 == 0 ? "mill" : "river"). Nobody sp",
        isComplete: false)
    }
    let lesson = try await Lesson(
      AssignmentPlan.make(records, count: 20, examples: 2, seed: 3),
      teacher: LocalTeacher(generator, options: ["t": 1], openingWords: 3, seed: 3),
      replies: MemoryReplies())
    var filter = Filter(
      history: records, style: Style(records), test: Shingles(of: Array(records.prefix(2))))
    let marked = filter.mark(lesson.samples)
    let digests = [
      try short(SampleFile.encode(lesson.samples)), try short(SampleFile.encode(marked)),
      short(FilterReport(marked).encoded()),
    ]
    #expect(digests == ["a146352b7b98", "8ac1d1217695", "7e9315d53fdd"])
  }
}
