import Bytes
import Formats
import Testing

@testable import Tokenizers

/// Other programs' texts and the ids they gave for them.
struct VectorTests {
  static let gpt2 = "tokenizers/gpt2/"

  /// The texts of an `.inp` file with the ids of its `.out` file.
  static func vectors(_ path: String) throws -> [(text: String, ids: [Int32])] {
    let separator = "\n__ggml_vocab_test__\n"
    var texts = try SharedData.text(path + ".inp").components(cutBy: separator)
    if texts.last == "" { texts.removeLast() }
    let lines = try SharedData.text(path + ".out").split(
      separator: "\n", omittingEmptySubsequences: false)
    return zip(texts, lines).map { text, line in
      (text, line.split(separator: " ").compactMap { Int32($0) })
    }
  }

  @Test(.enabled(if: SharedData.has(gpt2 + "vocab.json"), "no shared data"))
  func `GPT-2 gives the ids of llama.cpp's vectors`() throws {
    let tokenizer = try ByteLevelBPE(
      vocabulary: SharedData.bytes(Self.gpt2 + "vocab.json"),
      mergesText: SharedData.text(Self.gpt2 + "merges.txt"))
    let vectors = try Self.vectors(Self.gpt2 + "ggml-vocab-gpt-2.gguf")
    #expect(vectors.count == 46 || vectors.count == 47)
    for (text, ids) in vectors {
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
      #expect(tokenizer.decode(ids) == text)
    }
  }

  @Test(.enabled(if: SharedData.has(gpt2 + "tokenizer.json"), "no shared data"))
  func `GPT-2's tokenizer.json gives the same ids as its older files`() throws {
    let tokenizer = try ByteLevelBPE(json: SharedData.bytes(Self.gpt2 + "tokenizer.json"))
    for (text, ids) in try Self.vectors(Self.gpt2 + "ggml-vocab-gpt-2.gguf") {
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
    }
    #expect(tokenizer.eosIDs == [50256])
    #expect(tokenizer.encode("a<|endoftext|>b", specials: true) == [64, 50256, 65])
    #expect(tokenizer.encode("a<|endoftext|>b").count > 3)
  }

  @Test(
    .enabled(if: SharedData.has("tokenizers/mistral/ggml-vocab-phi-3.gguf"), "no shared data"))
  func `Llama's vocabulary in GGUF gives the ids of llama.cpp's vectors`() throws {
    let path = "tokenizers/mistral/ggml-vocab-phi-3.gguf"
    let tokenizer = try SentencePieces(
      gguf: GGUFFile(MappedFile(copying: SharedData.bytes(path))))
    let vectors = try Self.vectors(path)
    #expect(vectors.count > 40)
    for (text, ids) in vectors {
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
    }
  }

  @Test(
    .enabled(if: SharedData.has("tokenizers/smollm2/tokenizer.json"), "no shared data"))
  func `SmolLM2's own files open, and bytes it lacks are left out`() throws {
    let tokenizer = try ByteLevelBPE(json: SharedData.bytes("tokenizers/smollm2/tokenizer.json"))
    #expect(tokenizer.rule == .digitsApart)
    #expect(tokenizer.encode("In 1915, 3 ships") == [788, 216, 33, 41, 33, 37, 28, 216, 35, 7761])
    #expect(tokenizer.encode("a\u{4}b") == tokenizer.encode("a") + tokenizer.encode("b"))
    // Its token for U+FFFD is also a name.
    #expect(tokenizer.encode("\u{fffd}") == [24211])
    #expect(tokenizer.encode("<|im_start|>", specials: true) == [1])
  }

  @Test(.enabled(if: SharedData.has("tokenizers/qwen2/vocab.json"), "no shared data"))
  func `Qwen2 gives the ids of llama.cpp's vectors`() throws {
    let tokenizer = try ByteLevelBPE(
      vocabulary: SharedData.bytes("tokenizers/qwen2/vocab.json"),
      mergesText: SharedData.text("tokenizers/qwen2/merges.txt"), rule: .qwen2)
    for (text, ids) in try Self.vectors("tokenizers/qwen2/ggml-vocab-qwen2.gguf") {
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
    }
  }
}

extension String {
  /// Cuts at every occurrence of a separator, to the byte.
  func components(cutBy separator: String) -> [String] {
    let mark = Array(separator.utf8)
    let bytes = Array(utf8)
    var parts: [String] = []
    var start = 0
    var at = 0
    while at < bytes.count {
      if bytes[at...].starts(with: mark) {
        parts.append(String(decoding: bytes[start..<at], as: UTF8.self))
        at += mark.count
        start = at
      } else {
        at += 1
      }
    }
    parts.append(String(decoding: bytes[start...], as: UTF8.self))
    return parts
  }
}
