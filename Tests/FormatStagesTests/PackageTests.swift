import Bytes
import Formats
import TestKit
import Testing
import Tokenizers

/// What the stage package puts into a bundle for other programs, and says of it.
@Suite(.enabled(if: Places.executable("package") != nil, "needs the stages to be built"))
struct PackageTests {
  let runner: StageRunner

  init() throws { runner = try StageRunner() }

  private func text(_ digest: Digest?, _ path: String) throws -> String {
    String(decoding: try runner.file(digest, path).copied(), as: UTF8.self)
  }

  private func bundle(_ base: String, _ adapter: String? = nil) throws -> Digest {
    let made = try runner.outputs("quantize", ["base": base])
    let model = try #require(made["model"]).description
    let set: KeyValuePairs = ["modelfile": "true"]
    let outputs =
      if let adapter {
        try runner.outputs(
          "package", ["base": base, "model": model, "adapter": adapter], set: set)
      } else {
        try runner.outputs("package", ["base": base, "model": model], set: set)
      }
    return try #require(outputs["bundle"])
  }

  private func replace(_ old: String, _ new: String, in path: String) throws {
    let text = try Files.text(path)
    #expect(text.contains(old))
    try Files.write(text.replacing(old, with: new), to: path)
  }

  @Test
  func `a Modelfile leaves a model its own template, and asks for no more memory than is there`()
    throws
  {
    let tiny = try TinyModel()
    let plain = try bundle(tiny.base)
    #expect(
      try text(plain, "Modelfile")
        == "FROM ./model.gguf\nTEMPLATE \"{{ .Prompt }}\"\nPARAMETER num_ctx 64\n")
    #expect(try !text(plain, "README.md").contains("chat_template.jinja"))

    try Files.write("{{ messages[0].content }}", to: tiny.base + "/chat_template.jinja")
    try replace(
      #""max_position_embeddings": 64"#, #""max_position_embeddings": 131072"#,
      in: tiny.base + "/config.json")
    let chatting = try bundle(tiny.base)
    let modelfile = try text(chatting, "Modelfile")
    #expect(!modelfile.contains("TEMPLATE"))
    #expect(modelfile.contains("\n# The model takes up to 131072 tokens"))
    #expect(modelfile.hasSuffix("\nPARAMETER num_ctx 8192\n"))
    let card = try text(chatting, "README.md")
    #expect(card.contains("- `chat_template.jinja`: how conversations are put to the model"))
    #expect(card.contains("- `tokenizer_config.json`: "))
  }

  @Test func `the card speaks of a log only where there is one`() throws {
    let tiny = try TinyModel()
    #expect(
      try text(bundle(tiny.base, tiny.adapter), "README.md").contains(
        "- `adapter/`: the adapter for PEFT\n"))
    try Files.write("{}\n", to: tiny.adapter + "/training.jsonl")
    #expect(
      try text(bundle(tiny.base, tiny.adapter), "README.md").contains(
        "- `adapter/`: the adapter for PEFT, with the log of its training\n"))
  }

  @Test func `a bundle has the base's own vocabulary where GGUF cannot say all of it`() throws {
    let tiny = try TinyModel(vocabulary: 600)
    let llama = Places.root + "/Tests/Fixtures/tokenizers/llama-first/tokenizer.json"
    try Files.write(Files.read(llama), to: tiny.base + "/tokenizer.json")
    Files.remove(tiny.base + "/tokenizer_config.json")
    let made = try runner.outputs("quantize", ["base": tiny.base])
    Files.remove(tiny.base + "/tokenizer.json")
    try Files.write("the base's own", to: tiny.base + "/tokenizer.model")
    let bundle = try runner.outputs(
      "package", ["base": tiny.base, "model": try #require(made["model"]).description])["bundle"]
    #expect(try text(bundle, "tokenizer.model") == "the base's own")
    #expect(try text(bundle, "README.md").contains("- `tokenizer.model`: the vocabulary"))
  }

  @Test func `of a GGUF base, what begins a text is in the bundle's tokenizer too`() throws {
    let tiny = try TinyModel()
    try replace(
      #""post_processor": null"#,
      #""post_processor": {"type": "BertProcessing", "cls": ["<|endoftext|>", 0], "sep": ["<|endoftext|>", 0]}"#,
      in: tiny.base + "/tokenizer.json")
    let first = try runner.outputs("quantize", ["base": tiny.base])
    let base = try #require(first["model"]).description
    let again = try runner.outputs("quantize", ["base": base])
    let bundle = try runner.outputs(
      "package", ["base": base, "model": try #require(again["model"]).description])["bundle"]
    let tokenizer = try ByteLevelBPE(json: runner.file(bundle, "tokenizer.json").copied())
    #expect(tokenizer.prefixIDs == [0])
  }
}
