import Corpus
import Encoding
import Formats
import Foundation
import Testing
import Tokenizers

/// Windows over texts: nothing dropped, nothing counted twice.
struct SampleEncoderTests {
  /// A vocabulary of bytes and a few merges.
  static let tokenizer: ByteLevelBPE? = {
    var counts = WordCounts()
    var text = "the cat sat on the mat. the end! the hat that"
    text.withUTF8 { counts.add($0, rule: .gpt2) }
    var trainer = VocabularyTrainer(counts)
    return try? trainer.train(size: 270)
  }()

  static let long = """
    The cat sat on the mat. It was a fine mat, "wasn't it?" The hat sat there too! Nobody knew why
    it sat there. (Nobody asked.) And then came the end of it all… Or so they said.

    A new paragraph begins here without much ado and goes on for a while with no stop at all until it ends.
    """

  @Test func `a short text is separator, text, separator`() throws {
    let tokenizer = try #require(Self.tokenizer)
    let encoder = try SampleEncoder(tokenizer: tokenizer, window: 64)
    let samples = encoder.encode(Record(id: "r", text: "the cat"))
    let ids = tokenizer.encode("the cat")
    #expect(
      samples == [
        TokenSample(
          ids: [0] + ids + [0], labels: [-100] + ids + [0], record: "r", labelledBytes: 7)
      ])
  }

  @Test func `an answer goes on where its question ends`() throws {
    // A vocabulary like Llama's, which puts a space before texts.
    let names =
      ["<unk>", "<s>", "</s>"] + (0..<256).map { "<0x" + String(format: "%02X", $0) + ">" }
      + ["\u{2581}", "y", "e", "s", "?", "ye", "yes", "\u{2581}yes"]
    let tokenizer = try SentencePieces(
      pieces: names.map { Array($0.utf8) }, scores: names.indices.map { Float($0) })
    let encoder = try SampleEncoder(tokenizer: tokenizer, window: 64)
    let sample = try #require(
      encoder.encode(Record(id: "r", text: "", input: "yes?", output: "yes")).first)
    let whole = tokenizer.encode("yes?\nyes")
    #expect(sample.ids.dropFirst().dropLast() == whole[...])
  }

  @Test(arguments: 8...70)
  func `every token of a long text is labelled once, in order`(window: Int) throws {
    let tokenizer = try #require(Self.tokenizer)
    let encoder = try SampleEncoder(tokenizer: tokenizer, window: window)
    let samples = encoder.encode(Record(id: "r", text: Self.long))
    #expect(samples.allSatisfy { $0.ids.count <= window && $0.ids.first == 0 })
    #expect(samples.allSatisfy { $0.labels.first == -100 })
    let labelled = samples.flatMap { $0.labels.filter { $0 != -100 } }
    #expect(labelled == tokenizer.encode(Self.long) + [0])
    #expect(samples.reduce(0) { $0 + $1.labelledBytes } == Self.long.utf8.count)
    #expect(samples.dropLast().allSatisfy { $0.ids.last != 0 })
  }

  @Test func `cuts lie at sentence ends where one fits`() throws {
    let tokenizer = try #require(Self.tokenizer)
    let encoder = try SampleEncoder(tokenizer: tokenizer, window: 130)
    let samples = encoder.encode(Record(id: "r", text: Self.long))
    #expect(samples.count > 1)
    for sample in samples.dropLast() {
      let text = tokenizer.decode(sample.ids)
      let last = text.last { !$0.isWhitespace }
      #expect([".", "!", "?", "\"", ")", "…"].contains(last), "\(text.debugDescription)")
    }
  }

  @Test func `prompts carry no loss and give way to answers`() throws {
    let tokenizer = try #require(Self.tokenizer)
    let sample = Sample(
      id: "s", prompt: String(repeating: "the cat sat ", count: 20), completion: "the end",
      origin: .init(kind: "synthetic"))
    let ids = tokenizer.encode("the end")
    for window in [14, 24, 200] {
      let samples = try SampleEncoder(tokenizer: tokenizer, window: window).encode(sample)
      #expect(samples.count == 1)
      #expect(samples[0].ids.count <= window)
      #expect(samples[0].labels.filter { $0 != -100 } == ids + [0])
      #expect(samples[0].labelledBytes == 7)
      // The line break before the answer stays.
      let given = samples[0].labels.prefix { $0 == -100 }.count
      #expect(tokenizer.bytes(of: samples[0].ids[given - 1]).last == 0x0a)
    }
  }

  @Test func `an answer too long for the window goes on without the prompt`() throws {
    let tokenizer = try #require(Self.tokenizer)
    let sample = Sample(
      id: "s", prompt: "the hat", completion: Self.long, origin: .init(kind: "synthetic"))
    let samples = try SampleEncoder(tokenizer: tokenizer, window: 40).encode(sample)
    let labelled = samples.flatMap { $0.labels.filter { $0 != -100 } }
    #expect(labelled == tokenizer.encode(Self.long) + [0])
    #expect(samples.dropFirst().allSatisfy { $0.labels[1] != -100 })
  }

  @Test func `many records give what each gives alone`() throws {
    let tokenizer = try #require(Self.tokenizer)
    let encoder = try SampleEncoder(tokenizer: tokenizer, window: 30)
    let records = (0..<5).map { Record(id: "\($0)", text: String(Self.long.dropFirst($0 * 20))) }
    #expect(encoder.encode(records) == records.flatMap { encoder.encode($0) })
  }

  @Test func `empty texts give nothing, tiny windows are refused`() throws {
    let tokenizer = try #require(Self.tokenizer)
    #expect(
      try SampleEncoder(tokenizer: tokenizer, window: 8).encode(Record(id: "r", text: "")) == [])
    #expect(throws: EncodingError.self) { try SampleEncoder(tokenizer: tokenizer, window: 7) }
  }
}
