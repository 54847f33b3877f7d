import Corpus
import Evaluation
import Formats
import Persona
import Testing
import Tokenizers

/// A tokenizer whose tokens are words, so that a test can read them.
private struct WordTokenizer: Tokenizer {
  let words: [String]
  let bosID: Int32? = 0
  let eosIDs: [Int32] = [0]
  var vocabularyCount: Int { words.count }

  init(_ texts: [String]) {
    words = [""] + Set(texts.flatMap { $0.split(separator: " ").map(String.init) }).sorted()
  }

  func encode(_ text: String, specials: Bool) -> [Int32] {
    text.split(separator: " ").compactMap { word in
      words.firstIndex(of: String(word)).map { Int32($0) }
    }
  }
  func piece(of id: Int32) -> String { words[Int(id)] }
  func bytes(of id: Int32) -> [UInt8] { id == 0 ? [] : Array((words[Int(id)] + " ").utf8) }
  func ggufMetadata(count: Int) -> [(key: String, value: GGUFValue)] { [] }
}

/// That an arm with retrieval scores exactly the tokens of the arm without, and never peeks.
@Suite struct RetrievalTests {
  /// Forty words: the first 32 are the query, and the rest is scored with help.
  private static let opening = (0..<32).map { "early\($0)" }.joined(separator: " ")
  private static let ending = (0..<8).map { "late\($0)" }.joined(separator: " ")
  private static let likeOpening = "early1 early2 early3 met before"
  private static let likeEnding = ending + " " + ending
  private static let other = (0..<6).map { "else\($0)" }.joined(separator: " ")

  private let tokenizer = WordTokenizer([opening, ending, likeOpening, likeEnding, other])

  private func retrieval(positions: Int = 100) -> Retrieval {
    let records = [
      Record(id: "opening", text: Self.likeOpening), Record(id: "ending", text: Self.likeEnding),
      Record(id: "other", text: Self.other),
    ]
    return Retrieval(
      index: BM25Index(records), tokenizer: tokenizer, positions: positions)
  }

  private func sample(_ text: String, prompt: String = "", record: String = "r") -> TokenSample {
    let given = [0] + tokenizer.encode(prompt)
    let scored = tokenizer.encode(text) + [0]
    return TokenSample(
      ids: given + scored,
      labels: Array(repeating: TokenSample.unlabelled, count: given.count) + scored,
      record: record, labelledBytes: text.utf8.count)
  }

  private func scored(_ samples: [TokenSample]) -> [Int32] {
    samples.flatMap { $0.labels.dropFirst().filter { $0 != TokenSample.unlabelled } }
  }

  @Test func `both arms score the same tokens and bytes`() {
    let text = Self.opening + " " + Self.ending
    let plain = [sample(text), sample(Self.other, record: "s"), sample(text, record: "s")]
    let helped = retrieval().augment(plain)
    #expect(scored(helped) == scored(plain))
    #expect(helped.reduce(0) { $0 + $1.labelledBytes } == plain.reduce(0) { $0 + $1.labelledBytes })
    #expect(helped.allSatisfy { $0.ids.count == $0.labels.count && $0.ids.count <= 100 })
    #expect(helped.count > plain.count)
  }

  @Test func `a free text is searched by its opening alone`() throws {
    let helped = retrieval().augment([sample(Self.opening + " " + Self.ending)])
    #expect(helped.count == 2)
    #expect(helped[0].ids == [0] + tokenizer.encode(Self.opening))
    // The record that holds the ending word for word would help most; only a peek could find it.
    let passage = [0] + tokenizer.encode(Self.likeOpening)
    #expect(Array(helped[1].ids.prefix(passage.count)) == passage)
    #expect(helped[1].labels.prefix(passage.count).allSatisfy { $0 == TokenSample.unlabelled })
    #expect(scored([helped[1]]) == tokenizer.encode(Self.ending) + [0])
  }

  @Test func `a question is searched by its prompt, a later piece by the one before`() {
    let question = retrieval().augment([sample("late1", prompt: "early1 early2")])
    #expect(question.count == 1)
    #expect(Array(question[0].ids.prefix(6)) == [0] + tokenizer.encode(Self.likeOpening))

    let pieces = [sample("early3 before"), sample("late1 late2")]
    let later = retrieval().augment(pieces).last
    #expect(later.map { Array($0.ids.prefix(6)) } == [0] + tokenizer.encode(Self.likeOpening))
  }

  @Test func `several records share the room, the best next to the question`() throws {
    let records = [
      Record(id: "near", text: "early1 early2 early3", title: "else0", task: "LaMP_5"),
      Record(id: "far", text: "early1 met before", title: "else1", task: "LaMP_5"),
      Record(id: "other", text: Self.other, title: "else2", task: "LaMP_5"),
    ]
    let wording = Rendering(records[0]).prompt
    let tokenizer = WordTokenizer([wording, Self.opening, Self.other, "met before"])
    func helped(positions: Int) -> [TokenSample] {
      let question = TokenSample(
        ids: [0] + tokenizer.encode("early1 early2 else3") + [0],
        labels: [-100, -100, -100] + tokenizer.encode("else3") + [0], record: "r")
      return Retrieval(
        index: BM25Index(records), tokenizer: tokenizer, positions: positions,
        count: 2
      ).augment([question])
    }
    let ids = try #require(helped(positions: 400).first).ids
    let (far, near) = (Rendering(records[1]), Rendering(records[0]))
    #expect(
      ids == [0] + tokenizer.encode(far.prompt) + tokenizer.encode(far.completion) + [0]
        + tokenizer.encode(near.prompt) + tokenizer.encode(near.completion) + [0]
        + tokenizer.encode("early1 early2 else3") + [0])
    // Too little room for all: the questions lose their ends, the answers stay.
    let short = try #require(helped(positions: 5 + 64 + 2 * 25).first)
    let passages = short.ids.dropLast(5).split(separator: 0)
    #expect(passages.allSatisfy { $0.count <= 24 })
    #expect(passages.map { tokenizer.words[Int($0.last ?? 0)] } == ["else1", "else0"])
  }

  @Test func `without room, or a record that fits, a sample stays as it is`() {
    let full = sample(Self.opening + " " + Self.ending)
    #expect(retrieval(positions: full.ids.count + 20).augment([full]) == [full])
    let strange = TokenSample(ids: [0, 0, 0], labels: [-100, 0, 0], record: "x")
    #expect(retrieval().augment([strange]) == [strange])
  }
}
