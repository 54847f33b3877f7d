import Bytes
import Formats
import ObjectStore
import TestKit
import Testing

/// The PyTorch reference states through the command lines of `train` and `evaluate`.
@Suite struct ReferenceStagesTests {
  static let cases = [
    "llama-tied-gqa", "llama-untied-gqa", "llama-mqa-padded", "qwen2-tied-bias-gqa",
  ]
  static let settings = [
    "steps=5", "learning_rate=0.001", "schedule=constant", "warmup=0", "weight_decay=0.01",
    "clip=0", "batch_size=3", "shuffle=false", "keep_gradients=true",
  ]

  private func tensors(_ name: String, _ file: String) throws -> SafetensorsFile {
    try SafetensorsFile(MappedFile(path: "\(StageRun.folder(name))/\(file).safetensors"))
  }

  private func file(_ store: TemporaryStore, _ digest: Digest?, _ path: String) throws
    -> SafetensorsFile
  {
    let tree = try store.store.tree(#require(digest))
    return try SafetensorsFile(store.store.map(#require(tree[path]).digest))
  }

  private func largest(_ values: [Float]) -> Float { values.reduce(0) { max($0, abs($1)) } }

  @Test(arguments: cases, ["lora", "full"])
  func `train: gradients and the weights after five steps`(name: String, method: String) throws {
    let store = try TemporaryStore()
    let given = store.folder("tokens.safetensors")
    try Files.write(StageRun.tokens(name), to: given)
    var inputs = ["base": StageRun.folder(name) + "/model", "tokens": given]
    if method == "lora" { inputs["adapter"] = StageRun.folder(name) + "/adapter_init" }
    let outputs = try StageRun.outputs("train", store, inputs, Self.settings + ["method=\(method)"])

    let gradients = try SafetensorsFile(store.store.map(#require(outputs["gradients"])))
    let wantedGradients = try tensors(name, method == "lora" ? "lora_grads_step1" : "full_grads")
    for tensor in gradients.names {
      let wanted = try wantedGradients.floats(of: tensor)
      let got = try gradients.floats(of: tensor)
      let difference = largest(zip(wanted, got).map { $0 - $1 })
      #expect(difference <= 1e-4 * largest(wanted), "gradient of \(tensor)")
    }

    let weights =
      method == "lora"
      ? try file(store, outputs["adapter"], "adapter_model.safetensors")
      : try file(store, outputs["model"], "model.safetensors")
    let wantedWeights = try tensors(
      name, method == "lora" ? "lora_weights_after5" : "full_weights_after5")
    var compared = 0
    for tensor in weights.names {
      let wanted = try wantedWeights.floats(of: tensor)
      let got = try weights.floats(of: tensor)
      let gradient = try gradients.floats(of: tensor)
      let noise = largest(
        zip(gradient, try wantedGradients.floats(of: tensor)).map { $0 - $1 })
      for i in wanted.indices where abs(wanted[i] - got[i]) > 1e-5 {
        // AdamW divides by the root of the second moment, so a step of 1e-3 is known as well as its
        // gradient is. More than 1e-5 apart is right only where the gradient itself is known to no
        // better than a hundredth: where it is next to the noise of two orders of summation.
        #expect(
          abs(gradient[i]) < 100 * noise && abs(gradient[i]) < 1e-4 * largest(gradient),
          "\(tensor)[\(i)]: \(got[i]), wanted \(wanted[i]), gradient \(gradient[i])")
        #expect(abs(wanted[i] - got[i]) < 5 * 2e-3)
      }
      compared += 1
    }
    #expect(compared == gradients.names.count)
  }

  @Test(arguments: cases)
  func `train: the log holds the reference's losses and norms`(name: String) throws {
    let store = try TemporaryStore()
    let given = store.folder("tokens.safetensors")
    try Files.write(StageRun.tokens(name), to: given)
    let outputs = try StageRun.outputs(
      "train", store,
      [
        "base": StageRun.folder(name) + "/model", "tokens": given,
        "adapter": StageRun.folder(name) + "/adapter_init",
      ],
      Self.settings)
    let tree = try store.store.tree(#require(outputs["adapter"]))
    let log = try store.store.read(#require(tree["training.jsonl"]).digest)
    let lines = try log.split(separator: UInt8(ascii: "\n")).map { try JSON(parsing: Array($0)) }
    let reference = try tensors(name, "lora_weights_after5")
    let losses = try reference.floats(of: "losses")
    let norms = try reference.floats(of: "grad_norms")
    #expect(lines.count == 5)
    for (i, line) in lines.enumerated() {
      #expect(abs(try #require(line["loss"]?.doubleValue) - Double(losses[i])) < 2e-6)
      #expect(abs(try #require(line["grad_norm"]?.doubleValue) / Double(norms[i]) - 1) < 1e-4)
    }
  }

  @Test(arguments: cases)
  func `evaluate: logits and loss, with and without the adapter`(name: String) throws {
    let store = try TemporaryStore()
    let given = store.folder("tokens.safetensors")
    try Files.write(StageRun.tokens(name), to: given)
    let forward = try tensors(name, "forward")
    let base = ["base": StageRun.folder(name) + "/model", "tokens": given]
    for (inputs, wanted) in [
      (base, try forward.floats(of: "logits")),
      (
        base.merging(["adapter": StageRun.folder(name) + "/adapter_init"]) { $1 },
        try tensors(name, "lora_grads_step1").floats(of: "logits_with_lora")
      ),
    ] {
      let outputs = try StageRun.outputs("evaluate", store, inputs, ["keep_logits=true"])
      let logits = try SafetensorsFile(store.store.map(#require(outputs["logits"])))
        .floats(of: "logits")
      let mask = try forward.tensor("attention_mask").int32s()
      let rows = mask.indices.filter { mask[$0] != 0 }
      for (row, padded) in rows.enumerated() {
        for i in 0..<512 {
          #expect(abs(logits[row * 512 + i] - wanted[padded * 512 + i]) < 2e-5)
        }
      }
      let metrics = try store.store.tree(#require(outputs["metrics"]))
      let json = try JSON(
        parsing: store.store.read(#require(metrics["metrics.json"]).digest))
      let loss = try #require(json["arms"]?["base"]?["loss"]?.doubleValue)
      #expect(abs(loss - Double(try forward.floats(of: "loss")[0])) < 2e-6)
      #expect((json["arms"]?["personal"] != nil) == (inputs["adapter"] != nil))
    }
  }
}
