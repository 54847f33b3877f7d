import Bytes
import Encoding
import Formats
import Testing
import Tokenizers

/// Windows over a corpus.
struct CorpusPackerTests {
  static func packed(_ documents: [String], tokens: Int = 0, holdout: Double = 0, seed: UInt64 = 1)
    throws -> CorpusPacker
  {
    let tokenizer = try #require(SampleEncoderTests.tokenizer)
    var packer = try CorpusPacker(
      tokenizer: tokenizer, window: 16, tokens: tokens, holdout: holdout, seed: seed)
    for document in documents { packer.add(Array(document.utf8)) }
    packer.finish()
    return packer
  }

  static func file(_ side: CorpusPacker.Side) throws -> TokenFile {
    var bytes: [UInt8] = []
    side.write(window: 16) { bytes += Array($0) }
    return try TokenFile(MappedFile(copying: bytes))
  }

  static let documents = (0..<40).map {
    "document \($0): the cat sat on the mat and thought of \($0 * 7)."
  }

  @Test func `the windows are the stream`() throws {
    let tokenizer = try #require(SampleEncoderTests.tokenizer)
    let file = try Self.file(try Self.packed(Self.documents).train)
    let stream: [Int32] = Self.documents.flatMap { tokenizer.encode($0) + [0 as Int32] }
    #expect(file.ids == Array(stream.prefix(stream.count / 16 * 16)))
    #expect(
      file.samples.allSatisfy {
        $0.ids.count == 16 && $0.labels.first == -100 && $0.lossCount == 15
      })
  }

  @Test func `a share of the documents is kept apart, always the same ones`() throws {
    let packer = try Self.packed(Self.documents, holdout: 0.3)
    #expect(packer.validation.documents > 0)
    #expect(packer.train.documents + packer.validation.documents == 40)
    let again = try Self.packed(Self.documents.reversed(), holdout: 0.3)
    #expect(again.validation.documents == packer.validation.documents)
  }

  @Test func `no more windows than asked for, chosen by the seed`() throws {
    let all = try Self.packed(Self.documents).train
    let some = try Self.packed(Self.documents, tokens: 160).train
    let same = try Self.packed(Self.documents, tokens: 160).train
    let other = try Self.packed(Self.documents, tokens: 160, seed: 2).train
    #expect(some.windows == 10)
    #expect(all.windows > 20)
    #expect(some.ids == same.ids)
    #expect(some.ids != other.ids)
  }
}
