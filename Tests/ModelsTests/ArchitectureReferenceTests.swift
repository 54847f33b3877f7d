import Bytes
import Formats
import Kernels
import Models
import Testing

/// Every architecture beside what `ReferenceTests` and `GenerationTests` compare with transformers.
@Suite struct ArchitectureReferenceTests {
  @Test(arguments: Reference.architectures, [Precision.f32, .bf16])
  func `a layer computed again changes no bit`(name: String, precision: Precision) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    func gradient(recompute: Bool) -> [Float] {
      let network = Network(
        reference.model, training: .everything, precision: precision, recompute: recompute)
      _ = network.lossAndGradient(batch, scale: 1)
      return network.gradient.floats
    }
    let kept = gradient(recompute: false)
    #expect(kept.contains { $0 != 0 })
    #expect(gradient(recompute: true) == kept)
  }

  @Test(arguments: Reference.architectures)
  func `weights where they lie give the same bits`(name: String) throws {
    let reference = try Reference(name)
    let frozen = try LanguageModel(
      config: reference.model.config, source: reference.tensors("model/model.safetensors"))
    let batch = try reference.batch()
    let rows = Array(0..<batch.count)
    #expect(
      Network(frozen).logits(batch, rows: rows)
        == Network(reference.model).logits(batch, rows: rows))
  }

  @Test(arguments: Reference.architectures)
  func `a model comes through GGUF with its mathematics`(name: String) throws {
    let reference = try Reference(name)
    let config = reference.model.config
    if config.family == .qwen3, config.outputBias {
      #expect(throws: FormatError.self) { try GGUFExport(config: config, type: .f32) }
      return
    }
    let source = try reference.tensors("model/model.safetensors")
    let export = try GGUFExport(config: config, type: .f32)
    let items = Dictionary(uniqueKeysWithValues: export.items.map { ($0.entry.name, $0) })
    let bytes = try export.layout(tokenizer: nil).bytes { entry throws(FormatError) in
      guard let item = items[entry.name] else { return [] }
      return try export.values(item, from: source, adapter: nil)
    }
    let gguf = try GGUFModel(MappedFile(copying: bytes))
    let model = try LanguageModel(config: gguf.config, source: gguf)
    let batch = try reference.batch()
    let rows = Array(0..<batch.count)
    #expect(
      largestDifference(
        Network(model).logits(batch, rows: rows),
        Network(reference.model).logits(batch, rows: rows)) < 1e-6)
  }
}
