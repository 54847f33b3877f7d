import Bytes
import Formats
import Kernels
import Models
import Testing

/// bf16 against f32, weights in other types against their widened copies, and layers computed
/// again against layers kept.
@Suite struct PrecisionTests {
  /// How far PyTorch's bf16 lies from its f32 (Tests/Peers/bf16_deviation.py): root mean squares of
  /// the differences of the logits and of each position's loss, and relative L2 distance of the
  /// adapter's gradients.
  static let pyTorch: [(name: String, logits: Double, losses: Double, gradients: Double)] = [
    ("llama-tied-gqa", 0.00666, 0.00779, 0.0168), ("llama-untied-gqa", 0.00664, 0.00583, 0.0108),
    ("llama-mqa-padded", 0.00772, 0.00963, 0.0168),
    ("qwen2-tied-bias-gqa", 0.00729, 0.00859, 0.0169),
    ("llama-all-biases", 0.00938, 0.01137, 0.0168),
    ("llama-linear-scaling", 0.0112, 0.01342, 0.0258),
    ("llama-llama3-scaling", 0.01087, 0.01392, 0.0255),
    ("mistral-head-dim", 0.01261, 0.01602, 0.0179),
    ("qwen3-tied", 0.01134, 0.01164, 0.0226),
    ("qwen3-untied-mqa-bias-linear", 0.00911, 0.01245, 0.0185),
  ]

  /// Σ (a − b)² and Σ a².
  private func squares(_ a: [Float], _ b: [Float]) -> (apart: Double, whole: Double) {
    zip(a, b).reduce((0, 0)) { sum, pair in
      let (x, y) = (Double(pair.0), Double(pair.1))
      return (sum.0 + (x - y) * (x - y), sum.1 + x * x)
    }
  }

  @Test(arguments: pyTorch)
  func `bf16 is no further from f32 than PyTorch's`(
    name: String, logits: Double, losses: Double, gradients: Double
  ) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    let rows = Array(0..<batch.count)
    let exact = Network(reference.model).logits(batch, rows: rows)
    let rounded = Network(reference.model, precision: .bf16).logits(batch, rows: rows)
    let apart = (squares(exact, rounded).apart / Double(exact.count)).squareRoot()
    #expect(apart < logits)
    #expect(apart > logits / 100, "bf16 was not used")

    let adapter = try reference.adapter("adapter_init")
    func gradient(_ precision: Precision) -> (losses: [Float], gradient: [Float]) {
      let network = Network(
        reference.model, adapter: adapter, training: .adapter, precision: precision)
      _ = network.lossAndGradient(batch, scale: 1 / Float(batch.lossRows.count))
      return (network.losses(batch), network.gradient.floats)
    }
    let (exactLosses, wanted) = gradient(.f32)
    let (roundedLosses, got) = gradient(.bf16)
    let lossesApart = squares(exactLosses, roundedLosses).apart / Double(exactLosses.count)
    #expect(lossesApart.squareRoot() < losses)
    let sums = squares(wanted, got)
    #expect((sums.apart / sums.whole).squareRoot() < gradients)
  }

  @Test(arguments: [Precision.f32, .bf16], [0, 0.3])
  func `a layer computed again changes no bit`(precision: Precision, dropout: Double) throws {
    let reference = try Reference("qwen2-tied-bias-gqa")
    let batch = try reference.batch()
    var config = try reference.adapter("adapter_init").config
    config.dropout = dropout
    let adapter = Adapter(config: config, copying: try reference.adapter("adapter_init"))
    func gradient(recompute: Bool) -> [Float] {
      let network = Network(
        reference.model, adapter: adapter, training: .adapter, precision: precision,
        recompute: recompute)
      network.dropoutSeed = 77
      _ = network.lossAndGradient(batch, scale: 1)
      return network.gradient.floats
    }
    let kept = gradient(recompute: false)
    #expect(kept.contains { $0 != 0 })
    #expect(gradient(recompute: true) == kept)
  }

  @Test(arguments: [NumberType.bf16, .f16, .q8, .q4])
  func `a model held in another type computes what its widened copy does`(
    type: NumberType
  ) throws {
    let reference = try Reference("llama-untied-gqa")
    let batch = try reference.batch()
    let source = try reference.tensors("model/model.safetensors")
    let held = try LanguageModel(
      config: reference.model.config, source: source, holding: .rounded(type))
    let widened = LanguageModel(
      config: held.config,
      weights: FloatBuffer(held.layout.entries.flatMap { held.floats($0) }))
    #expect(widened.weights.floats != reference.model.weights.floats)
    let rows = Array(0..<batch.count)
    let got = Network(held).logits(batch, rows: rows)
    #expect(got == Network(widened).logits(batch, rows: rows))

    // The way back, and one token at a time.
    let adapter = try reference.adapter("adapter_init")
    let networks = [held, widened].map { Network($0, adapter: adapter, training: .adapter) }
    for network in networks { _ = network.lossAndGradient(batch, scale: 1) }
    #expect(networks[0].gradient.floats == networks[1].gradient.floats)
    let options = GenerationOptions(maximumTokens: 12)
    #expect(
      try networks[0].generate([[5, 6, 7]], options: options)
        == networks[1].generate([[5, 6, 7]], options: options))
  }

  @Test func `a frozen model stays in its file's memory`() throws {
    let reference = try Reference("llama-tied-gqa")
    let frozen = try LanguageModel(
      config: reference.model.config, source: try reference.tensors("model/model.safetensors"))
    #expect(frozen.weights.count == 0)
    let batch = try reference.batch()
    let rows = Array(0..<batch.count)
    #expect(
      Network(frozen).logits(batch, rows: rows)
        == Network(reference.model).logits(batch, rows: rows))
  }

  @Test func `a token at a time comes to the logits of the whole`() throws {
    let reference = try Reference("llama-mqa-padded")
    let adapter = try reference.adapter("adapter_init")
    let prompt = reference.samples[0].ids
    let network = Network(reference.model, adapter: adapter)
    let continued = try network.generate([prompt], options: GenerationOptions(maximumTokens: 10))
    // The same choice from a pass over everything before it.
    for (i, token) in continued[0].tokens.enumerated() {
      let text = prompt + continued[0].tokens[..<i]
      let batch = try Batch(
        [TokenSample(ids: text, labels: text)], config: reference.model.config)
      let logits = network.logits(batch, rows: [text.count - 1])
      #expect(logits.firstIndex(of: logits.max() ?? 0) == Int(token))
    }
  }
}
