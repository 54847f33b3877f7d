import Bytes
import Formats
import Testing

@testable import Tokenizers

/// Tokenizers whose parts lie in several files.
struct FolderTests {
  private static func open(_ files: [String: [UInt8]], rows: Int? = nil) throws -> any Tokenizer {
    try TokenizerFolder.open(
      paths: files.keys.sorted(),
      map: { MappedFile(copying: try #require(files[$0])) }, rows: rows)
  }

  static let added = TinySentencePiece.count
  static let config = """
    {"bos_token":"<s>","eos_token":"<|im_end|>","additional_special_tokens":["[PAD]"],
     "added_tokens_decoder":{
      "2":{"content":"</s>","special":true,"normalized":false,"rstrip":true},
      "\(added)":{"content":"<|im_end|>","special":true,"normalized":false}}}
    """
  static let more =
    #"{"<|im_end|>":\#(added),"[PAD]":\#(added + 1),"word":\#(added + 3)}"#

  @Test func `tokens beside a SentencePiece model are found in text, and end it`() throws {
    let files = [
      "tokenizer.model": TinySentencePiece.bytes(),
      "tokenizer_config.json": Array(Self.config.utf8),
      "added_tokens.json": Array(Self.more.utf8),
    ]
    let tokenizer = try Self.open(files)
    let plain = try SentencePieces(model: TinySentencePiece.bytes())
    let end = Int32(Self.added)
    #expect(tokenizer.vocabularyCount == Self.added + 4)
    #expect(tokenizer.eosIDs == [end] && tokenizer.bosID == 1 && tokenizer.prefixIDs == [1])
    #expect(
      tokenizer.encode("ab<|im_end|>", specials: true) == plain.encode("ab") + [end])
    #expect(tokenizer.encode("</s> ab", specials: true) == [2] + plain.encode("ab"))
    #expect(tokenizer.encode("<|im_end|>") == plain.encode("<|im_end|>"))
    #expect(tokenizer.encode("[PAD]") == plain.encode("[PAD]"))
    #expect(tokenizer.encode("word") == [end + 3] && tokenizer.decode([end + 3]) == "word")
    #expect(tokenizer.encode("a  ab c") == plain.encode("a  ab c"))

    // llama.cpp is told of them too.
    let metadata = try tokenizer.ggufMetadata(count: Self.added + 8)
    let header = GGUFLayout(metadata: metadata, tensors: []).header
    let again = try SentencePieces(gguf: GGUFFile(MappedFile(copying: header)))
    #expect(again.encode("ab<|im_end|>word", specials: true).suffix(2) == [end, end + 3])
    #expect(again.eosIDs == [end])
  }

  @Test(arguments: [(true, true), (false, true), (false, false)])
  func `the config beside a SentencePiece model says what goes around texts`(
    begins: Bool, ends: Bool
  ) throws {
    let config = #"{"add_bos_token":\#(begins),"add_eos_token":\#(ends)}"#
    let tokenizer = try Self.open([
      "tokenizer.model": TinySentencePiece.bytes(), "tokenizer_config.json": Array(config.utf8),
    ])
    #expect(tokenizer.prefixIDs == (begins ? [1] : []))
    #expect(tokenizer.suffixIDs == (ends ? [2] : []))
  }

  @Test func `a token far beyond the vocabulary asks for no memory`() {
    #expect(throws: FormatError.self) {
      try Self.open([
        "tokenizer.model": TinySentencePiece.bytes(),
        "added_tokens.json": Array(#"{"<x>":16000000}"#.utf8),
      ])
    }
  }

  @Test(arguments: [
    #""end_of_word_suffix":"</w>""#, ###""continuing_subword_prefix":"##""###, #""dropout":0.1"#,
  ])
  func `what joins pieces otherwise is refused, byte-level or not`(field: String) throws {
    let steps = [#"{"type":"Whitespace"}"#, #"{"type":"ByteLevel","add_prefix_space":false}"#]
    for step in steps {
      let json =
        #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],\#(field)},"pre_tokenizer":\#(step)}"#
      let error = #expect(throws: FormatError.self) {
        try Self.open(["tokenizer.json": Array(json.utf8)])
      }
      let name = String(field.dropFirst().prefix { $0 != "\"" })
      #expect(error?.description.contains("model.\(name)") == true, "\(error?.description ?? "")")
    }
  }

  @Test func `of several lists of pieces the one is taken that fits the model`() throws {
    func list(_ count: Int) -> [UInt8] {
      var bytes: [UInt8] = [1, 0, 0, 0]
      for id in 0..<count {
        let name = Array("p\(id)".utf8)
        bytes += [0, 0, 0, 0, UInt8(name.count), 0, 0, 0] + name
      }
      return bytes
    }
    let files = ["model.bin": [UInt8](), "tok300.bin": list(300), "tokenizer.bin": list(270)]
    #expect(try Self.open(files, rows: 270).vocabularyCount == 270)
    #expect(try Self.open(files).vocabularyCount == 300)
    let names = files.keys.sorted()
    #expect(
      TokenizerFolder.beside("model.bin", of: names) == ["tok300.bin", "tokenizer.bin"])
    #expect(TokenizerFolder.beside("tok300.bin", of: names).isEmpty)
    #expect(TokenizerFolder.beside("model.gguf", of: names).isEmpty)
  }

  @Test func `what a byte-level vocabulary puts around texts is written`() throws {
    var pieces = (UInt8.min...UInt8.max).map { [$0] }
    pieces += ["<s>", "</s>"].map { Array($0.utf8) }
    let tokens = [AddedToken(id: 256, content: "<s>"), AddedToken(id: 257, content: "</s>")]
    var pipeline = TextPipeline(.gpt2, added: tokens)
    (pipeline.postProcessor.prefix, pipeline.postProcessor.suffix) = ([256], [257])
    let tokenizer = try ByteLevelBPE(
      pieces: pieces, merges: [], pipeline: pipeline, rule: .gpt2, ignoresMerges: false)
    let again = try ByteLevelBPE(json: tokenizer.json())
    #expect(again.prefixIDs == [256] && again.suffixIDs == [257])
  }
}
