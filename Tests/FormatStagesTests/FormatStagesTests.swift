import Bytes
import Corpus
import Formats
import ObjectStore
import TestKit
import Testing
import Tokenizers

/// The stages vocabulary, tokenize, quantize and package as a user runs them.
@Suite(.enabled(if: Places.executable("package") != nil, "needs the stages to be built"))
struct FormatStagesTests {
  let runner: StageRunner
  let model: TinyModel

  init() throws {
    runner = try StageRunner()
    model = try TinyModel()
  }

  func records(_ texts: [String]) throws -> String {
    let path = model.folder("records\(texts.count).jsonl")
    let records = texts.enumerated().map { Record(id: "r\($0)", text: $1) }
    try Files.write(try RecordFile.encode(records), to: path)
    return path
  }

  @Test func `a vocabulary is learned from plain text and from JSON Lines`() throws {
    let folder = model.folder("corpus")
    try Files.makeFolder(folder)
    try Files.write(
      TinyModel.text + "\u{0c}\n" + TinyModel.text + TinyModel.text, to: folder + "/books.txt")
    try Files.write(
      #"{"title":"Sails","abstract":"On sails and harbours."}"# + "\n", to: folder + "/a.jsonl")
    try Files.write("not for learning zzzzzzzz", to: folder + "/SOURCE.txt")
    let made = try runner.outputs("vocabulary", ["corpus": folder], set: ["size": "280"])
    let tokenizer = try ByteLevelBPE(
      json: runner.file(made["tokenizer"], "tokenizer.json").copied())
    #expect(tokenizer.vocabularyCount == 280)
    let words = String(
      decoding: try runner.file(made["tokenizer"], "words.tsv").copied(), as: UTF8.self)
    #expect(words.hasPrefix("the\t"))
    #expect(words.contains("harbours\t1\n"))
    #expect(!words.contains("zzz"))

    let tooMany = try runner.run("vocabulary", ["corpus": folder], set: ["size": "100000"])
    #expect(tooMany.exitCode == 1)
    #expect(tooMany.errors.contains("too little text"))
  }

  @Test func `a corpus is cleaned of copies and of what must not be learned`() throws {
    let folder = model.folder("corpus")
    try Files.makeFolder(folder)
    let text = { (name: String) in (0..<60).map { "\(name)\($0)" }.joined(separator: " ") }
    let abstracts = (0..<40).map { #"{"title":"T\#($0)","abstract":"\#(text("p\($0)x"))"}"# }
    let lines = abstracts + [abstracts[0], #"{"title":"U","abstract":"\#(text("user"))"}"#]
    try Files.write(lines.joined(separator: "\n") + "\n", to: folder + "/a.jsonl")
    try Files.write("## One\n\n\(text("b"))\n", to: folder + "/books.txt")
    let users = model.folder("users")
    try Files.makeFolder(users)
    try Files.write(#"{"text":"\#(text("user"))"}"# + "\n", to: users + "/ann.jsonl")

    let made = try runner.outputs(
      "clean", ["corpus": folder, "users": users], set: ["holdout": "0.2"])
    let train = String(decoding: try runner.file(made["train"], "a.jsonl").copied(), as: UTF8.self)
    let held = String(
      decoding: try runner.file(made["heldout"], "a.jsonl").copied(), as: UTF8.self)
    let kept = train.split(separator: "\n").count
    let heldCount = held.split(separator: "\n").count
    #expect(kept + heldCount == 40 && heldCount > 0)
    #expect(!(train + held).contains("user7"))
    #expect(
      try runner.file(made["train"], "books.jsonl").copied()
        == Array("{\"id\":\"books.txt@1\",\"text\":\"One\\n\\n\(text("b"))\"}\n".utf8))
    let report = try JSON(
      parsing: runner.home.store.read(try #require(made["report"])))
    let file = report["files"]?["a.jsonl"]
    #expect(file?["left_out"]?["copies"]?.intValue == 1)
    #expect(file?["left_out"]?["avoided"]?.intValue == 1)
    #expect(report["avoided"]?["met"]?["users/ann.jsonl"]?.intValue == 1)
    // What was cleaned has nothing left to be cleaned of, but what it says of itself is a copy.
    let cleaned = model.folder("a.jsonl")
    try Files.write(train, to: cleaned)
    let again = try runner.outputs(
      "clean", ["corpus": cleaned, "users": users], set: ["holdout": "0"])
    #expect(again["heldout"] == nil)
    #expect(try runner.file(again["train"], "corpus.jsonl").copied().count == train.utf8.count)

    let posed = try runner.outputs("pose", ["corpus": cleaned])
    let tasks = String(
      decoding: try runner.file(posed["corpus"], "tasks.jsonl").copied(), as: UTF8.self)
    #expect(tasks.split(separator: "\n").count == kept)
    #expect(tasks.contains("Generate a title for the following abstract of a paper: p"))
    #expect(try runner.outputs("pose", ["corpus": cleaned]) == posed)
    #expect(try runner.outputs("pose", ["corpus": cleaned], set: ["seed": "2"]) != posed)
  }

  @Test func `records and accepted samples become tokens, validation apart`() throws {
    let samples = model.folder("samples.jsonl")
    let origin = Sample.Origin(kind: "synthetic")
    try Files.write(
      try SampleFile.encode([
        Sample(id: "a", prompt: "", completion: "Sails!", origin: origin, verdict: .accepted),
        Sample(id: "b", prompt: "", completion: "No.", origin: origin, verdict: .rejected),
      ]), to: samples)
    let made = try runner.outputs(
      "tokenize",
      [
        "base": model.base, "history": try records([TinyModel.text, "The ship."]),
        "samples": samples, "validation": try records(["Red as rust."]),
      ], set: ["window": "48"])
    let train = try TokenFile(runner.file(made["train"], TokenFile.name))
    let tokenizer = try TokenizerFolder.open(paths: ["tokenizer.json"]) {
      try MappedFile(path: model.base + "/" + $0)
    }
    let labelled = train.labels.filter { $0 != TokenSample.unlabelled }
    var expected: [Int32] = []
    for text in [TinyModel.text, "The ship.", "Sails!"] { expected += tokenizer.encode(text) + [0] }
    #expect(labelled == expected)
    #expect(train.samples.allSatisfy { $0.ids.count <= 48 })
    let validation = try TokenFile(runner.file(made["validation"], TokenFile.name))
    #expect(validation.count == 1)
    #expect(validation[0].labelledBytes == "Red as rust.".utf8.count)
  }

  @Test func `a corpus becomes windows`() throws {
    let corpus = model.folder("corpus.txt")
    let works = (0..<60).map { "Work \($0). " + TinyModel.text }.joined(separator: "\n\u{0c}\n")
    try Files.write(works, to: corpus)
    let made = try runner.outputs(
      "tokenize", ["tokenizer": model.base, "corpus": corpus],
      set: ["mode": "corpus", "window": "32", "holdout": "0.2", "tokens": "640"])
    let train = try TokenFile(runner.file(made["train"], TokenFile.name))
    #expect(train.count == 20)
    #expect(train.samples.allSatisfy { $0.ids.count == 32 && $0.lossCount == 31 })
    #expect(try TokenFile(runner.file(made["validation"], TokenFile.name)).count > 0)
  }

  @Test(arguments: ["F32", "F16", "BF16", "Q8_0"])
  func `the merged model comes back from GGUF`(type: String) throws {
    let made = try runner.outputs(
      "quantize", ["base": model.base, "adapter": model.adapter], set: ["type": type])
    let gguf = try GGUFModel(runner.file(made["model"], "model.gguf"))
    let base = try ModelFolder(paths: ["config.json", "model.safetensors"]) {
      try MappedFile(path: model.base + "/" + $0)
    }
    #expect(gguf.config.tensors == base.config.tensors)
    let adapter = try AdapterWeights(
      config: AdapterConfig(json: Files.read(model.adapter + "/adapter_config.json")),
      file: SafetensorsFile(MappedFile(path: model.adapter + "/adapter_model.safetensors")),
      model: base.config)
    let most: Float = type == "F32" ? 0 : type == "BF16" ? 0.005 : 0.004
    for name in base.tensors.names {
      var expected = try base.tensors.floats(of: name)
      try adapter.merge(into: &expected, of: name)
      for (a, b) in zip(try gguf.floats(of: name), expected) { #expect(abs(a - b) <= most) }
    }
    let tokenizer = try ByteLevelBPE(gguf: gguf.file)
    #expect(tokenizer.vocabularyCount == 300)
    #expect(made["adapter"] != nil)
  }

  @Test func `rows that are no whole blocks are named`() throws {
    let odd = try TinyModel(hidden: 48)
    let result = try runner.run("quantize", ["base": odd.base])
    #expect(result.exitCode == 0)
    #expect(
      result.errors.contains("blk.0.attn_q.weight: rows of 48 are no whole blocks, kept in F16"))
  }

  @Test func `a bundle holds everything, and its manifest every digest`() throws {
    let made = try runner.outputs("quantize", ["base": model.base, "adapter": model.adapter])
    let metrics = model.folder("metrics.json")
    try Files.write(
      #"{"arms":{"base":{"loss":4.5,"bits_per_byte":1.25},"personal":{"loss":4.0}}}"#, to: metrics)
    let records = model.folder("report.json")
    try Files.write(
      #"{"records":60,"problems":["secret.txt"],"split":{"records":{"history":40}}}"#, to: records)
    let bundle = try runner.outputs(
      "package",
      [
        "base": model.base, "model": try #require(made["model"]).description,
        "adapter": model.adapter, "adapter_gguf": try #require(made["adapter"]).description,
        "metrics": metrics, "records_report": records,
      ])["bundle"]
    let manifest = try JSON(parsing: runner.file(bundle, "manifest.json").copied())
    let tree = try runner.home.store.tree(try #require(bundle))
    let files = try #require(manifest["files"]?.objectValue)
    #expect(Set(files.keys).union(["manifest.json"]) == Set(tree.entries.map(\.path)))
    for entry in tree.entries where entry.path != "manifest.json" {
      #expect(files[entry.path]?["digest"]?.stringValue == entry.digest.description)
      #expect(files[entry.path]?["bytes"]?.intValue == entry.size)
    }
    #expect(manifest["base"]?["licence"]?.stringValue == "apache-2.0")
    #expect(manifest["base"]?["name"]?.stringValue == "Tiny")
    #expect(manifest["adapter"]?["rank"]?.intValue == 2)
    #expect(!manifest.text.contains("secret.txt"))
    let card = String(decoding: try runner.file(bundle, "README.md").copied(), as: UTF8.self)
    #expect(card.contains("| personal | 4.0000 | – |"))
    #expect(card.contains("| base | 4.5000 | 1.2500 |"))
  }

  @Test func `a bundle says what its files and its base's card do, however they are written`()
    throws
  {
    let card = "---\r\nlicense: 'apache-2.0' # as before\r\n---\r\n\r\n# Tiny\r\n"
    let odd = try TinyModel(card: card)
    let made = try runner.outputs("quantize", ["base": odd.base], set: ["type": "Q4_K_M"])
    let bundle = try runner.outputs(
      "package", ["base": odd.base, "model": try #require(made["model"]).description])["bundle"]
    let text = String(decoding: try runner.file(bundle, "README.md").copied(), as: UTF8.self)
    #expect(text.contains("license: apache-2.0\n") && text.contains("Tiny"), "\(text)")
    #expect(text.contains("Stored as: Q4_K_M"), "\(text)")
  }

  @Test func `a bundle keeps the base's ends of texts and its chat template`() throws {
    let tiny = try TinyModel()
    let base = tiny.base
    // Nothing but config.json says what ends a text, and it is not what one would think.
    Files.remove(base + "/tokenizer_config.json")
    for (name, old, new) in [
      ("config.json", #""eos_token_id": 0"#, #""eos_token_id": [290, 0]"#),
      (
        "tokenizer.json", #""added_tokens": ["#,
        #""added_tokens": [{"id": 290, "content": "<|stop|>", "special": true},"#
      ),
    ] {
      let text = try Files.text("\(base)/\(name)")
      #expect(text.contains(old))
      try Files.write(text.replacing(old, with: new), to: "\(base)/\(name)")
    }
    try Files.write("{{ messages[0].content }}", to: base + "/chat_template.jinja")
    let made = try runner.outputs("quantize", ["base": base])
    let file = try GGUFFile(runner.file(made["model"], "model.gguf"))
    #expect(file.metadata["tokenizer.chat_template"]?.text == "{{ messages[0].content }}")
    #expect(file.metadata["tokenizer.ggml.eos_token_id"]?.int == 290)
    #expect(file.metadata["tokenizer.ggml.eot_token_id"]?.int == 0)
    let bundle = try runner.outputs(
      "package", ["base": base, "model": try #require(made["model"]).description])["bundle"]
    let tree = try runner.home.store.tree(try #require(bundle))
    let trained = try TokenizerFolder.open(paths: Files.names(base).sorted()) {
      try MappedFile(path: base + "/" + $0)
    }
    let shipped = try TokenizerFolder.open(paths: tree.entries.map(\.path)) {
      try runner.file(bundle, $0)
    }
    #expect(tree["tokenizer_config.json"] != nil)
    #expect(trained.separatorID == 290 && shipped.separatorID == 290)
    #expect(shipped.bosID == trained.bosID)
  }

  @Test func `with a shared base a bundle is an adapter, and all have one base`() throws {
    let made = try runner.outputs("quantize", ["base": model.base, "adapter": model.adapter])
    let plain = try runner.outputs("quantize", ["base": model.base])
    func package(_ more: String) throws -> [String: Digest] {
      try runner.outputs(
        "package",
        [
          "base": model.base, "model": try #require(made["model"]).description,
          "base_model": try #require(plain["model"]).description, "adapter": model.adapter,
          "adapter_gguf": try #require(made["adapter"]).description,
        ], set: ["layout": "adapter", "base_name": more, "modelfile": "true"])
    }
    let (one, two) = (try package("one"), try package("two"))
    #expect(one["base"] == two["base"] && one["bundle"] != two["bundle"])
    let own = try runner.home.store.tree(try #require(one["bundle"]))
    let shared = try runner.home.store.tree(try #require(one["base"]))
    #expect(own["model.gguf"] == nil && own["adapter/adapter_model.safetensors"] != nil)
    let manifest = try JSON(parsing: runner.file(one["bundle"], "manifest.json").copied())
    let files = try #require(manifest["base"]?["files"]?.objectValue)
    #expect(Set(files.keys) == Set(shared.entries.map(\.path)))
    #expect(files["model.gguf"]?["digest"]?.stringValue == shared["model.gguf"]?.digest.description)
    let modelfile = String(
      decoding: try runner.file(one["bundle"], "Modelfile").copied(), as: UTF8.self)
    #expect(modelfile.contains("FROM ../base-") && modelfile.contains("ADAPTER ./adapter.gguf"))
    let none = try runner.run(
      "package", ["base": model.base, "model": try #require(made["model"]).description],
      set: ["layout": "adapter"])
    #expect(none.exitCode == 2 && none.errors.contains("base_model"))
  }

  @Test(arguments: ["merged", "adapter"])
  func `a bundle of an adapter with magnitudes asks nobody to load what they cannot`(
    layout: String
  ) throws {
    let made = try runner.outputs("quantize", ["base": model.base, "adapter": model.dora])
    let plain = try runner.outputs("quantize", ["base": model.base])
    let packed = try runner.run(
      "package",
      [
        "base": model.base, "model": try #require(made["model"]).description,
        "base_model": try #require(plain["model"]).description, "adapter": model.dora,
      ], set: ["layout": layout, "modelfile": "true"])
    try #require(packed.exitCode == 0, "\(packed.errors)")
    let bundle = try JSON(parsing: packed.lastLine)["outputs"]?["bundle"]?.stringValue
    let digest = try #require(bundle.flatMap { Digest($0) })
    let tree = try runner.home.store.tree(digest)
    #expect(tree["adapter.gguf"] == nil && tree["adapter/adapter_model.safetensors"] != nil)
    let manifest = try JSON(parsing: runner.file(digest, "manifest.json").copied())
    #expect(manifest["adapter"]?["dora"] == true && manifest["gate"]?["ships"] == "personal")
    let card = String(decoding: try runner.file(digest, "README.md").copied(), as: UTF8.self)
    #expect(card.contains("DoRA of rank 2") && !card.contains("adapter.gguf"))
    let isMerged = layout == "merged"
    #expect(card.contains("llama-completion -m model.gguf") == isMerged)
    #expect(card.contains("layout=merged") != isMerged)
    #expect((tree["Modelfile"] != nil) == isMerged)
    #expect(packed.errors.contains("no Modelfile") != isMerged)
  }

  /// A digest that changes without a new version of the stage means that old results are taken
  /// for new ones: raise the version, then write the new digests here.
  @Test func `the same inputs give the digests they always gave`() throws {
    let corpus = model.folder("corpus.txt")
    try Files.write(String(repeating: TinyModel.text, count: 3), to: corpus)
    let vocabulary = try runner.outputs("vocabulary", ["corpus": corpus], set: ["size": "280"])
    let tokens = try runner.outputs(
      "tokenize", ["base": model.base, "history": try records([TinyModel.text])],
      set: ["window": "48"])
    let full = try runner.outputs(
      "quantize", ["base": model.base, "adapter": model.adapter], set: ["type": "F32"])
    let small = try runner.outputs("quantize", ["base": model.base, "adapter": model.adapter])
    let bundle = try runner.outputs(
      "package", ["base": model.base, "model": try #require(small["model"]).description])
    let found = [
      vocabulary["tokenizer"], tokens["train"], full["model"], full["adapter"], small["model"],
      bundle["bundle"],
    ].map { $0?.short ?? "" }
    #expect(
      found == [
        "567447264040", "a5b080967bb8", "330aafb93c99", "a9f183d407f1", "12b18797f76a",
        "68140287bea6",
      ])
  }

  @Test func `what does not fit together is refused with words`() throws {
    let wide = try TinyModel(vocabulary: 260)
    let tooFewRows = try runner.run("quantize", ["base": wide.base])
    #expect(tooFewRows.exitCode == 1)
    #expect(tooFewRows.errors.contains("model.embed_tokens.weight"))

    let other = try TinyModel(hidden: 96)
    let wrongAdapter = try runner.run(
      "quantize", ["base": other.base, "adapter": model.adapter])
    #expect(wrongAdapter.exitCode == 1)
    #expect(wrongAdapter.errors.contains("expected shape"))

    let damaged = try TinyModel()
    try Files.truncate(damaged.base + "/model.safetensors", to: 5000)
    let cut = try runner.run("quantize", ["base": damaged.base])
    #expect(cut.exitCode == 1)
    #expect(cut.errors.contains("safetensors"))

    let noTokenizer = try runner.run("tokenize", ["history": try records(["x"])])
    #expect(noTokenizer.exitCode != 0)
    let wrongType = try runner.run("quantize", ["base": model.base], set: ["type": "Q4_K"])
    #expect(wrongType.exitCode == 2)
  }
}
