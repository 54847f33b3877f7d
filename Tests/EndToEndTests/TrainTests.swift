import Bytes
import Formats
import ObjectStore
import TestKit
import Testing

/// What `train` offers beyond the reference states, through its command line.
@Suite struct TrainTests {
  private static let settings = [
    "steps=4", "rank=4", "learning_rate=0.01", "shuffle=false", "warmup=0",
  ]
  private let store: TemporaryStore
  private let inputs: [String: String]

  init() throws {
    store = try TemporaryStore()
    let name = "llama-mqa-padded"
    let tokens = store.folder("tokens.safetensors")
    try Files.write(StageRun.tokens(name), to: tokens)
    inputs = ["base": StageRun.folder(name) + "/model", "tokens": tokens]
  }

  private func train(_ settings: [String], _ more: [String: String] = [:]) throws -> Digest {
    // Refused where there is no adapter to have it.
    let usual = Self.settings.filter { $0 != "rank=4" || !settings.contains("method=full") }
    let outputs = try StageRun.outputs(
      "train", store, inputs.merging(more) { $1 }, usual + settings)
    return try #require(outputs["adapter"] ?? outputs["model"])
  }

  private func text(_ digest: Digest, _ path: String) throws -> String {
    let entry = try #require(try store.store.tree(digest)[path])
    return String(decoding: try store.store.read(entry.digest), as: UTF8.self)
  }

  @Test(arguments: ["f32", "bf16"], ["method=lora", "method=full", "dora=true"])
  func `threads and recomputation change no bit`(precision: String, what: String) throws {
    let settings = ["precision=\(precision)", what]
    let one = try train(settings + ["threads=1"])
    #expect(try train(settings + ["threads=2"]) == one)
    #expect(try train(settings + ["threads=3"]) == one)
    #expect(try train(settings + ["threads=2", "recompute=true"]) == one)
  }

  @Test func `precision and the type of the base are part of the result`() throws {
    let plain = try train([])
    let settings = [
      "precision=bf16", "base_type=q8_0", "base_type=q4_0", "rank_stabilised=true", "dora=true",
    ]
    let others = try settings.map { try train([$0]) }
    #expect(Set(others + [plain]).count == 6)
    #expect(try text(others[3], "adapter_config.json").contains("\"use_rslora\": true"))
    #expect(try text(others[4], "adapter_config.json").contains("\"use_dora\": true"))
  }

  @Test func `an adapter with magnitudes is gone on from as it was left`() throws {
    let settings = ["dora=true", "rank_stabilised=true"]
    let first = try train(settings + ["weight_decay=0.1", "accumulation=2", "batch_size=1"])
    // Nothing is learned at rate 0: what comes out is what went in.
    let same = try train(["learning_rate=0"], ["adapter": "\(first)"])
    let tree = try (store.store.tree(first), store.store.tree(same))
    for path in ["adapter_config.json", "adapter_model.safetensors"] {
      #expect(tree.0[path]?.digest == tree.1[path]?.digest && tree.0[path] != nil)
    }
    func losses(_ settings: [String], _ more: [String: String] = [:]) throws -> [Double] {
      try text(train(settings, more), "training.jsonl").split(separator: "\n").map {
        try #require(try JSON(parsing: Array($0.utf8))["loss"]?.doubleValue)
      }
    }
    let on = try losses([], ["adapter": "\(first)"])
    #expect(try on[0] < losses(settings)[0])
    #expect(on == on.sorted(by: >))
  }

  @Test func `steps passed over are those that an earlier run took`() throws {
    // Nothing is learned at rate 0, so that a step's loss tells which sample it saw.
    let settings = ["steps=5", "batch_size=1", "learning_rate=0", "shuffle=true"]
    func losses(_ more: [String]) throws -> [Double] {
      try text(train(settings + more), "training.jsonl").split(separator: "\n").map {
        try #require(try JSON(parsing: Array($0.utf8))["loss"]?.doubleValue)
      }
    }
    let all = try losses([])
    #expect(Set(all).count == 3)
    #expect(try losses(["steps=3", "skip=2"]) == Array(all.dropFirst(2)))
    #expect(try losses(["steps=1", "skip=4"]) == Array(all.suffix(1)))
  }

  @Test func `a run that goes on drops what the earlier one would have`() throws {
    // Nothing is learned at rate 0 and every step sees all samples: losses differ by what is dropped.
    let more = try ["adapter": "\(train([]))"]
    let settings = ["steps=4", "batch_size=2", "accumulation=2", "learning_rate=0", "dropout=0.5"]
    func losses(_ settings: [String]) throws -> [Double] {
      try text(train(settings, more), "training.jsonl").split(separator: "\n").map {
        try #require(try JSON(parsing: Array($0.utf8))["loss"]?.doubleValue)
      }
    }
    let all = try losses(settings)
    #expect(Set(all).count == 4)
    #expect(try losses(settings + ["steps=2", "skip=2"]) == Array(all.suffix(2)))
  }

  @Test func `a pack of all samples is a batch of all samples`() throws {
    // 24 + 17 + 9 tokens: one pack of fifty, or two of at most 33.
    #expect(try train(["batch_tokens=50"]) == train(["batch_size=3"]))
    let packed = try train(["batch_tokens=33", "steps=0", "epochs=1"])
    let lines = try text(packed, "training.jsonl").split(separator: "\n")
    #expect(lines.count == 2)
    // The longest comes first with what fits beside it: labels of 24 + 9 tokens, then of 17.
    let counts = try lines.map { try JSON(parsing: Array($0.utf8))["tokens"]?.intValue }
    let labels = try StageRun.samples("llama-mqa-padded").map(\.lossCount)
    #expect(counts == [labels[0] + labels[2], labels[1]])
  }

  @Test func `a run without progress ends early, with the best weights`() throws {
    // Learning the samples by heart makes other texts less likely.
    let others = store.folder("others.safetensors")
    let ids = (0..<24).map { Int32(($0 * 97 + 11) % 512) }
    try Files.write(TokenFile.bytes([TokenSample(ids: ids, labels: ids)]), to: others)
    let more = ["heldout": others]
    let settings = ["steps=60", "batch_size=3", "validate_every=1", "learning_rate=0.05"]
    let result = try StageRun.run(
      "train", store, inputs.merging(more) { $1 }, Self.settings + settings + ["patience=3"])
    #expect(result.exitCode == 0)
    #expect(result.errors.contains("stopped early at step"))
    let early = try train(settings + ["patience=3"], more)
    let losses = try text(early, "validation.jsonl").split(separator: "\n").map {
      try #require(try JSON(parsing: Array($0.utf8))["loss"]?.doubleValue)
    }
    #expect(losses.count < 60)
    #expect(losses.suffix(3).allSatisfy { $0 >= losses.min() ?? 0 })
    #expect(losses[losses.count - 4] == losses.min())
    // The weights kept are those of the best step: more patience for nothing keeps the same.
    let patient = try train(settings + ["patience=6"], more)
    #expect(
      try text(patient, "adapter_model.safetensors") == text(early, "adapter_model.safetensors"))
    #expect(
      try text(patient, "validation.jsonl").count > text(early, "validation.jsonl").count)
  }

  @Test func `nothing is dropped where weights are measured`() throws {
    // Nothing is learned at rate 0: every validation must give what the first one did.
    let adapter = try train([])
    let more = ["adapter": "\(adapter)", "heldout": inputs["tokens"] ?? ""]
    func losses(_ dropout: String) throws -> Set<Double> {
      let result = try train(
        ["learning_rate=0", "validate_every=1", "dropout=\(dropout)"], more)
      #expect(try text(result, "adapter_config.json").contains("\"lora_dropout\": \(dropout)"))
      return try Set(
        text(result, "validation.jsonl").split(separator: "\n").map {
          try #require(try JSON(parsing: Array($0.utf8))["loss"]?.doubleValue)
        })
    }
    let plain = try losses("0.0")
    #expect(plain.count == 1)
    #expect(try losses("0.5") == plain)
  }

  @Test func `held-out samples without labels choose nothing`() throws {
    let bare = store.folder("bare.safetensors")
    let ids = (0..<8).map { Int32($0) }
    let sample = TokenSample(
      ids: ids, labels: Array(repeating: TokenSample.unlabelled, count: ids.count))
    try Files.write(TokenFile.bytes([sample]), to: bare)
    let with = try train(["validate_every=1"], ["heldout": bare])
    #expect(
      try text(with, "adapter_model.safetensors") == text(train([]), "adapter_model.safetensors"))
  }

  @Test func `what cannot be heeded is refused, not ignored`() throws {
    let adapter = try train([])
    let more = inputs.merging(["adapter": "\(adapter)"]) { $1 }
    for (setting, word) in [
      ("method=full", "adapter"), ("rank_stabilised=true", "rank_stabilised"),
      ("dora=true", "dora"),
    ] {
      let result = try StageRun.run("train", store, more, ["steps=1", setting])
      #expect(result.exitCode == 2 && result.errors.contains(word), "\(result.errors)")
    }
    for (settings, words) in [
      (["method=full", "dora=true"], "leave dora out"),
      (["method=full", "rank=4"], "rank=4 does nothing here"),
      (["method=full", "alpha=8"], "alpha=8 does nothing here"),
      (["method=full", "dropout=0.1"], "dropout=0.1 does nothing here"),
      (["method=full", "base_type=q8_0"], "base_type=q8_0 does nothing here"),
      (["method=full", "targets=q_proj"], "targets=q_proj does nothing here"),
      (["weights_type=F16"], "set method=full"),
    ] {
      let result = try StageRun.run("train", store, inputs, ["steps=1"] + settings)
      #expect(result.exitCode == 2 && result.errors.contains(words), "\(result.errors)")
    }
  }

  @Test func `a GGUF file trained whole becomes the folder that its source becomes`() throws {
    let settings = ["method=full", "steps=2"]
    let gguf = try #require(
      try StageRun.outputs(
        "quantize", store, ["base": inputs["base"] ?? ""], ["type=F32"])["model"])
    let (of, from) = (
      try store.store.tree(train(settings)),
      try store.store.tree(train(settings, ["base": "\(gguf)"]))
    )
    #expect(from["model.safetensors"]?.digest == of["model.safetensors"]?.digest)
    #expect(from.entries.allSatisfy { $0.path != "model.gguf" })
    let trained = try ModelFolder(paths: from.entries.map(\.path)) {
      try store.store.map(#require(from[$0]).digest)
    }
    #expect(trained.format == .huggingFace)
  }

  @Test func `exploding training says what to change, and leaves nothing`() throws {
    let result = try StageRun.run(
      "train", store, inputs,
      [
        "method=full", "steps=50", "learning_rate=10", "clip=0", "warmup=0", "schedule=constant",
        "epsilon=1e-30",
      ])
    #expect(result.exitCode == 1)
    #expect(result.errors.contains("training exploded"))
    #expect(result.errors.contains("learning_rate"))
    #expect(!result.lastLine.contains("outputs"))
  }

  @Test func `what a model costs at first is told from steps that have something to learn`() throws
  {
    // A base that is sure of itself, and wrong: three times the cost of guessing and more.
    let name = "llama-mqa-padded"
    let from = StageRun.folder(name) + "/model"
    let weights = try SafetensorsFile(MappedFile(path: from + "/model.safetensors"))
    var loud = SafetensorsWriter()
    for tensor in weights.names.sorted() {
      let gain: Float = tensor == "model.norm.weight" ? 400 : 1
      loud.add(
        tensor, try weights.floats(of: tensor).map { $0 * gain },
        shape: try #require(weights.shape(of: tensor)))
    }
    try Files.write(loud.bytes(), to: store.folder("loud/model.safetensors"))
    try Files.write(Files.read(from + "/config.json"), to: store.folder("loud/config.json"))
    var samples = try StageRun.samples(name)
    samples[0] = TokenSample(
      ids: samples[0].ids, labels: samples[0].ids.map { _ in TokenSample.unlabelled })
    try Files.write(TokenFile.bytes(samples), to: store.folder("some.safetensors"))
    let adapter = try #require(
      try StageRun.outputs(
        "train", store, ["base": store.folder("loud"), "tokens": store.folder("some.safetensors")],
        ["steps=3", "batch_size=1", "shuffle=false", "warmup=0", "learning_rate=1e-6"])["adapter"])
    let losses = try text(adapter, "training.jsonl").split(separator: "\n").map {
      try JSON(parsing: String($0))["loss"]?.doubleValue ?? 0
    }
    #expect(losses[0] == 0)
    // Guessing costs the logarithm of its vocabulary's 512.
    #expect(losses[1] > 3 * 6.24)
  }
}
