import Bytes
import Formats
import TestKit
import Testing

/// The stage quantize with what it measures: importance, differences, the report.
@Suite(.enabled(if: Places.executable("quantize") != nil, "needs the stages to be built"))
struct QuantizeTests {
  let runner: StageRunner
  let model: TinyModel
  let tokens: String

  init() throws {
    runner = try StageRunner()
    model = try TinyModel(hidden: 256)
    tokens = model.folder("tokens.safetensors")
    var random = SeededRandom(seed: 5)
    let samples = (0..<4).map { _ in
      let ids = (0..<40).map { _ in Int32(random.below(280)) }
      return TokenSample(ids: ids, labels: ids, labelledBytes: 40)
    }
    try Files.write(TokenFile.bytes(samples), to: tokens)
  }

  private func report(_ digest: Digest?) throws -> JSON {
    try JSON(parsing: runner.file(digest, "report.json").copied())
  }

  @Test func `the report has size, bits and loss of every type`() throws {
    let made = try runner.outputs(
      "quantize", ["base": model.base, "adapter": model.adapter, "heldout": tokens],
      set: ["type": "Q4_K_M", "compare": "all"])
    let report = try report(made["report"])
    let rows = try #require(report["types"]?.arrayValue)
    #expect(
      rows.map { $0["type"]?.stringValue } == [
        "Q4_K_M", "F32", "F16", "Q4_0", "Q8_0", "Q5_K_M", "Q6_K", "BF16",
      ])
    func value(_ type: String, _ field: String) -> Double {
      rows.first { $0["type"]?.stringValue == type }?[field]?.doubleValue ?? .nan
    }
    #expect(value("F32", "logit_error") < 1e-4)
    #expect(value("Q8_0", "logit_error") < value("Q5_K_M", "logit_error"))
    #expect(value("Q5_K_M", "logit_error") < value("Q4_K_M", "logit_error"))
    #expect(value("Q4_K_M", "bits_per_weight") < value("Q5_K_M", "bits_per_weight"))
    #expect(abs(value("F32", "bits_per_weight") - 32) < 0.001)
    let loss = try #require(report["unquantised"]?["loss"]?.doubleValue)
    #expect(abs(value("Q8_0", "loss") - loss) < 0.02 * loss)
    #expect(report["unquantised"]?["tokens"]?.intValue == 4 * 39)
    let file = try runner.file(made["model"], "model.gguf")
    #expect(value("Q4_K_M", "bytes") == Double(file.count))
    let table = String(
      decoding: try runner.file(made["report"], "report.md").copied(), as: UTF8.self)
    #expect(table.contains("| Q4_K_M | "))

    // The adapter comes out as it went in, too.
    for name in [AdapterConfig.fileName, AdapterConfig.weightsName] {
      let own = try Files.read(model.adapter + "/" + name)
      #expect(try runner.file(made["peft"], name).copied() == own)
    }
  }

  @Test func `an adapter with magnitudes is merged, and not written as GGUF`() throws {
    let made = try runner.outputs(
      "quantize", ["base": model.base, "adapter": model.dora, "heldout": tokens],
      set: ["type": "F32"])
    #expect(made["adapter"] == nil)
    let report = try report(made["report"])
    #expect(report["no_adapter_gguf"]?.stringValue?.contains("DoRA") == true)
    #expect(
      String(decoding: try runner.file(made["report"], "report.md").copied(), as: UTF8.self)
        .contains("No adapter.gguf"))
    // What was merged computes what base and adapter do, and something else than the base.
    let error = try #require(
      report["types"]?.arrayValue?.first?["logit_error"]?.doubleValue)
    #expect(error < 1e-4)
    let plain = try runner.outputs("quantize", ["base": model.base], set: ["type": "F32"])
    #expect(plain["model"] != made["model"])
    for name in [AdapterConfig.fileName, AdapterConfig.weightsName] {
      #expect(try runner.file(made["peft"], name).copied() == Files.read(model.dora + "/" + name))
    }
  }

  @Test func `an importance of the user's own texts changes the rounding`() throws {
    func run(_ imatrix: String) throws -> (Digest?, JSON) {
      let made = try runner.outputs(
        "quantize", ["base": model.base, "tokens": tokens, "heldout": tokens],
        set: ["type": "Q4_K_M", "imatrix": imatrix])
      return (made["model"], try report(made["report"]))
    }
    let (plain, own) = (try run("none"), try run("own"))
    #expect(plain.0 != own.0)
    #expect(try run("own").0 == own.0, "the same inputs, the same digest")
    #expect(own.1["imatrix_tokens"]?.intValue == 160)
    func error(_ report: JSON) -> Double {
      report["types"]?.arrayValue?.first?["logit_error"]?.doubleValue ?? .nan
    }
    #expect(error(own.1) < error(plain.1), "measured on the very texts")

    let missing = try runner.run("quantize", ["base": model.base], set: ["imatrix": "own"])
    #expect(missing.exitCode == 2 && missing.errors.contains("imatrix=own without texts"))
  }

  /// Weights that rounding ruins: in every block one that is far larger than the others, in a column
  /// that the model never uses. The layers say more than the embedding, so that it shows.
  @Test(
    arguments: [(1e7, "F16"), (1e7, "Q8_0"), (.nan, "F16"), (.infinity, "F32")]
      as [(Float, String)])
  func `numbers that a type cannot hold are told by their place`(value: Float, type: String) throws
  {
    let large = try TinyModel(first: value)
    let result = try runner.run("quantize", ["base": large.base], set: ["type": type])
    #expect(
      result.exitCode == 1
        && result.errors.contains("row 0, column 0, which \(type) cannot hold"),
      "\(result.errors)")
  }

  @Test func `a result too far from the unquantised model fails with words`() throws {
    let weights = try SafetensorsFile(MappedFile(path: model.base + "/model.safetensors"))
    var writer = SafetensorsWriter()
    for name in weights.names {
      let shape = try #require(weights.shape(of: name))
      var values = try weights.floats(of: name)
      if !name.contains("embed") { for at in values.indices { values[at] *= 8 } }
      if name.hasSuffix("norm.weight") {
        for at in stride(from: 0, to: values.count, by: 32) { values[at] = 0 }
      } else if shape == [64, 256] || shape == [32, 256] || shape == [96, 256] {
        for at in stride(from: 0, to: values.count, by: 32) { values[at] = 1000 }
      }
      writer.add(name, values, shape: shape)
    }
    try Files.write(writer.bytes(), to: model.base + "/model.safetensors")
    let result = try runner.run(
      "quantize", ["base": model.base, "heldout": tokens], set: ["type": "Q4_0"])
    #expect(result.exitCode == 1)
    #expect(result.errors.contains("too far from the unquantised"), "\(result.errors)")
    #expect(result.errors.contains("choose a type with more bits"))
    // Nothing to compare with: nothing to fail.
    #expect(
      try runner.run("quantize", ["base": model.base], set: ["type": "Q4_0"]).exitCode == 0)
  }
}
