import Corpus
import Persona
import Testing

struct BM25IndexTests {
  private let records = [
    Record(id: "c", text: "The cat sat on the mat."),
    Record(id: "a", text: "The dog chased the cat round the garden.", title: "Chase"),
    Record(id: "d", text: "Rain fell on the garden."),
    Record(id: "b", text: "Nothing else happened."),
    Record(id: "e", text: "Nothing else happened."),
  ]

  @Test func `rare words rank first and titles are searched`() {
    let index = BM25Index(records)
    #expect(index.search("dog").map(\.record.id) == ["a"])
    #expect(index.search("chase!").map(\.record.id) == ["a"])
    #expect(index.search("rain in the garden").first?.record.id == "d")
    #expect(index.search("zebra").isEmpty)
    #expect(index.search("").isEmpty)
    #expect(index.search("the cat", limit: 1).count == 1)
    #expect(index.search("dog", excluding: ["a"]).isEmpty)
  }

  @Test func `equal scores are ordered by id`() {
    #expect(BM25Index(records).search("NOTHING happened").map(\.record.id) == ["b", "e"])
  }

  @Test func `scores follow the formula`() throws {
    // Lengths 1 and 3, so 2 on the average; "x" is in one of three records.
    let index = BM25Index([
      Record(id: "1", text: "x"), Record(id: "2", text: "y y z"), Record(id: "3", text: "w v"),
    ])
    let score = try #require(index.search("x").first?.score)
    // ln(2.5 / 1.5) · 2.5 / (1 + 1.5 · (0.25 + 0.75 · 0.5))
    #expect(abs(score - 0.510_825_623_765_990_7 * 2.5 / 1.9375) < 1e-12)
  }

  @Test func `words in most records still count a little`() {
    let index = BM25Index(records)
    #expect(index.search("the").map(\.record.id).sorted() == ["a", "c", "d"])
    #expect(index.search("the").allSatisfy { $0.score > 0 })
    #expect(BM25Index([records[0]]).search("cat").count == 1)
  }

  @Test func `the file is the same for any order of records and reads back`() throws {
    let bytes = try BM25Index(records).encoded()
    #expect(try BM25Index(records.reversed()).encoded() == bytes)
    let read = try BM25Index(decoding: bytes)
    #expect(read == BM25Index(records))
    #expect(read.search("the cat") == BM25Index(records).search("the cat"))
  }

  @Test func `broken files are refused`() throws {
    #expect(throws: PersonaError.self) { try BM25Index(decoding: Array("{}".utf8)) }
    let place = """
      {"version":1,"k1":1.5,"b":0.75,"records":[],"lengths":[],"postings":{"a":[0,1]}}
      """
    #expect(
      throws: PersonaError.format(file: "the retrieval index", reason: "a place has no record")
    ) { try BM25Index(decoding: Array(place.utf8)) }
  }
}
