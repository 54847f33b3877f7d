import Bytes
import Formats
import Kernels
import Models
import Testing

/// Adapters with magnitudes (DoRA), against PEFT's numbers and against themselves computed otherwise.
@Suite struct MagnitudeTests {
  /// The cases that Tests/Peers/dora.py made.
  static let cases = ["llama-all-biases", "qwen3-tied"]

  private func rows(_ logits: [Float], _ v: Int, _ row: Int) -> ArraySlice<Float> {
    logits[row * v..<(row + 1) * v]
  }

  @Test(arguments: cases)
  func `logits, loss and gradients are PEFT's`(name: String) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    let adapter = try reference.adapter("dora_init")
    #expect(adapter.config.weightDecomposed)
    #expect(adapter.config.rankStabilised == (name == "qwen3-tied"))
    let expected = try reference.tensors("dora_step1.safetensors")
    let network = Network(reference.model, adapter: adapter, training: .adapter)

    let wanted = try expected.floats(of: "logits")
    let v = reference.model.config.vocabularySize
    let logits = network.logits(batch, rows: Array(0..<batch.count))
    for (row, padded) in reference.paddedRows.enumerated() {
      #expect(largestDifference(rows(logits, v, row), rows(wanted, v, padded)) < 2e-5, "row \(row)")
    }
    let sum = network.lossAndGradient(batch, scale: 1 / Float(batch.lossRows.count))
    let loss = Float(sum / Double(batch.lossRows.count))
    #expect(abs(loss - (try expected.floats(of: "losses")[0])) < 2e-6)
    for entry in adapter.layout.entries {
      let wanted = try expected.floats(of: entry.name)
      let got = network.gradient.floats[entry.offset..<entry.offset + entry.count]
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      #expect(largest > 0)
      #expect(largestDifference(got, wanted) <= 1e-4 * largest, "\(entry.name)")
    }
    #expect(expected.names.count == adapter.layout.entries.count + 2)
  }

  @Test(arguments: cases)
  func `five steps of AdamW come to PEFT's weights`(name: String) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    let adapter = try reference.adapter("dora_init")
    let network = Network(reference.model, adapter: adapter, training: .adapter)
    let optimizer = Optimizer(
      count: adapter.weights.count,
      settings: AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01))
    let first = try reference.tensors("dora_step1.safetensors")
    var gradient: [Float] = []
    for wanted in try first.floats(of: "losses") {
      network.gradient.zero()
      let sum = network.lossAndGradient(batch, scale: 1 / Float(batch.lossRows.count))
      #expect(abs(Float(sum / Double(batch.lossRows.count)) - wanted) < 2e-6)
      if gradient.isEmpty { gradient = network.gradient.floats }
      _ = optimizer.update(
        adapter.weights, gradient: network.gradient, learningRate: 1e-3, clip: 0)
    }
    let after = try reference.tensors("dora_weights_after5.safetensors")
    for entry in adapter.layout.entries {
      let wanted = try after.floats(of: entry.name)
      let slopes = try first.floats(of: entry.name)
      let largest = slopes.reduce(0) { max($0, abs($1)) }
      let places = entry.offset..<entry.offset + entry.count
      let noise = largestDifference(gradient[places], slopes)
      for (i, place) in places.enumerated() {
        let apart = abs(adapter.weights.pointer[place] - wanted[i])
        // A step of AdamW is known as well as the sign of its gradient is.
        let isNoise = abs(slopes[i]) < 100 * noise && abs(slopes[i]) < 1e-4 * largest
        #expect(apart < 1e-5 || isNoise && apart < 5 * 2e-3, "\(entry.name)[\(i)]: \(apart)")
      }
    }
  }

  /// Every projection of a model with everything: biases, normed heads, grouped.
  private func model(_ holding: LanguageModel.Holding = .trainable) throws -> LanguageModel {
    try Reference("llama-all-biases").model(holding: holding)
  }

  private func adapter(_ model: LanguageModel, dropout: Double = 0) -> Adapter {
    var random = SeededRandom(seed: 4)
    return Adapter.drawn(
      AdapterConfig(
        rank: 3, alpha: 6, dropout: dropout, targets: AdapterConfig.linearLayers,
        weightDecomposed: true),
      on: model, deviation: 0.05, &random)
  }

  @Test(arguments: [.trainable, .rounded(.q8), .rounded(.bf16)] as [LanguageModel.Holding])
  func `a fresh adapter changes no bit`(holding: LanguageModel.Holding) throws {
    let reference = try Reference("llama-all-biases")
    let model = try model(holding)
    var random = SeededRandom(seed: 8)
    let adapter = Adapter(
      config: AdapterConfig(
        rank: 4, alpha: 8, targets: AdapterConfig.linearLayers, weightDecomposed: true),
      base: model, random: &random)
    let lengths = PlainLengths(adapter, model)
    for (magnitude, length) in zip(lengths.magnitudes, lengths.measured) {
      #expect(abs(magnitude - length) < 1e-6 * length)
    }
    let batch = try reference.batch()
    let all = Array(0..<batch.count)
    let plain = Network(model).logits(batch, rows: all)
    #expect(Network(model, adapter: adapter).logits(batch, rows: all) == plain)
    // A tenth longer rows are another model.
    lengths.setMagnitudes(lengths.magnitudes.map { $0 * 1.1 })
    adapter.measure()
    let longer = Network(model, adapter: adapter).logits(batch, rows: all)
    #expect(largestDifference(longer, plain) > 0.1)
  }

  @Test func `a row of nothing stays nothing`() throws {
    let model = try model()
    let name = "model.layers.0.mlp.up_proj.weight"
    let entry = try #require(model.layout.entry(name))
    for i in 0..<entry.shape[1] { model.weights.pointer[entry.offset + i] = 0 }
    var random = SeededRandom(seed: 8)
    let adapter = Adapter(
      config: AdapterConfig(rank: 2, alpha: 2, targets: ["up_proj"], weightDecomposed: true),
      base: model, random: &random)
    let network = Network(model, adapter: adapter, training: .adapter)
    let batch = try Reference("llama-all-biases").batch()
    #expect(network.lossAndGradient(batch, scale: 1).isFinite)
    #expect(network.gradient.floats.allSatisfy { $0.isFinite })
    #expect(network.gradient.floats.contains { $0 != 0 })
  }

  @Test(arguments: [Precision.f32, .bf16], [0, 0.3])
  func `a layer computed again changes no bit`(precision: Precision, dropout: Double) throws {
    let model = try model()
    let batch = try Reference("llama-all-biases").batch()
    let adapter = adapter(model, dropout: dropout)
    func gradient(recompute: Bool) -> [Float] {
      let network = Network(
        model, adapter: adapter, training: .adapter, precision: precision, recompute: recompute)
      network.dropoutSeed = 77
      _ = network.lossAndGradient(batch, scale: 1)
      return network.gradient.floats
    }
    let kept = gradient(recompute: false)
    for entry in adapter.layout.entries {
      #expect(kept[entry.offset..<entry.offset + entry.count].contains { $0 != 0 })
    }
    #expect(gradient(recompute: true) == kept)
  }

  @Test(arguments: cases)
  func `bf16 is near f32`(name: String) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    let adapter = try reference.adapter("dora_init")
    func run(_ precision: Precision) -> (logits: [Float], gradient: [Float]) {
      let network = Network(
        reference.model, adapter: adapter, training: .adapter, precision: precision)
      _ = network.lossAndGradient(batch, scale: 1 / Float(batch.lossRows.count))
      return (network.logits(batch, rows: Array(0..<batch.count)), network.gradient.floats)
    }
    let (exact, rounded) = (run(.f32), run(.bf16))
    func apart(_ a: [Float], _ b: [Float]) -> Double {
      let squares = zip(a, b).reduce((0.0, 0.0)) {
        ($0.0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)), $0.1 + Double($1.0 * $1.0))
      }
      return (squares.0 / squares.1).squareRoot()
    }
    // As near as plain LoRA's (`PrecisionTests`), and not equal.
    #expect((1e-4...0.02).contains(apart(exact.logits, rounded.logits)))
    #expect((1e-4...0.03).contains(apart(exact.gradient, rounded.gradient)))
  }

  @Test(arguments: [NumberType.bf16, .f16, .q8, .q4])
  func `over weights of another type it computes what it does over their widened copy`(
    type: NumberType
  ) throws {
    // Rows of whole blocks.
    let reference = try Reference("llama-untied-gqa")
    let held = try reference.model(holding: .rounded(type))
    let widened = LanguageModel(
      config: held.config,
      weights: FloatBuffer(held.layout.entries.flatMap { held.floats($0) }))
    let batch = try reference.batch()
    let networks = [held, widened].map { model in
      Network(model, adapter: adapter(model), training: .adapter)
    }
    let losses = networks.map { $0.lossAndGradient(batch, scale: 1) }
    #expect(losses[0] == losses[1])
    #expect(networks[0].gradient.floats == networks[1].gradient.floats)
    let options = GenerationOptions(maximumTokens: 12)
    #expect(
      try networks[0].generate([[5, 6, 7]], options: options)
        == networks[1].generate([[5, 6, 7]], options: options))
  }

  @Test func `rows that lie in pairs have their own magnitudes`() throws {
    let reference = try Reference("llama-all-biases")
    let source = try reference.tensors("model/model.safetensors")
    let export = try GGUFExport(config: reference.model.config, type: .f32)
    let items = Dictionary(uniqueKeysWithValues: export.items.map { ($0.entry.name, $0) })
    let bytes = try export.layout(tokenizer: nil).bytes { entry throws(FormatError) in
      guard let item = items[entry.name] else { return [] }
      return try export.values(item, from: source, adapter: nil)
    }
    let gguf = try GGUFModel(MappedFile(copying: bytes))
    let paired = try LanguageModel(config: gguf.config, source: gguf)
    let batch = try reference.batch()
    let all = Array(0..<batch.count)
    let plain = try reference.adapter("dora_init")
    let logits = Network(reference.model, adapter: plain).logits(batch, rows: all)
    let there = Network(paired, adapter: plain.on(paired)).logits(batch, rows: all)
    #expect(largestDifference(logits, there) < 1e-5)
  }

  @Test(arguments: cases)
  func `merged it is what it is over its base`(name: String) throws {
    let reference = try Reference(name)
    let adapter = try reference.adapter("dora_init")
    let merging = try AdapterWeights(
      config: adapter.config, file: SafetensorsFile(MappedFile(copying: adapter.safetensors())),
      model: reference.model.config)
    var weights: [Float] = []
    for entry in reference.model.layout.entries {
      var values = reference.model.floats(entry)
      try merging.merge(into: &values, of: entry.name)
      weights += values
    }
    let merged = LanguageModel(config: reference.model.config, weights: FloatBuffer(weights))
    let batch = try reference.batch()
    let all = Array(0..<batch.count)
    let over = Network(reference.model, adapter: adapter).logits(batch, rows: all)
    #expect(largestDifference(Network(merged).logits(batch, rows: all), over) < 2e-5)
    let plain = Network(reference.model).logits(batch, rows: all)
    #expect(largestDifference(plain, over) > 0.1)
  }

  @Test(arguments: cases)
  func `a token at a time comes to the logits of the whole`(name: String) throws {
    let reference = try Reference(name)
    let adapter = try reference.adapter("dora_init")
    let prompt = reference.samples[0].ids
    let network = Network(reference.model, adapter: adapter)
    let batch = ContinuousBatch(reference.model)
    _ = try batch.add(
      DecodeRequest(
        prompt: prompt, adapter: adapter, options: GenerationOptions(maximumTokens: 10),
        logprobs: 1))
    var tokens: [ScoredToken] = []
    while !batch.isIdle {
      for case (_, .token(let token)) in batch.step().map({ ($0.ticket, $0.event) }) {
        tokens.append(token)
      }
    }
    #expect(tokens.count == 10)
    for (i, token) in tokens.enumerated() {
      let text = prompt + tokens[...i].map(\.id)
      var labels = text.map { _ in TokenSample.unlabelled }
      labels[text.count - 1] = token.id
      let whole = try Batch(
        [TokenSample(ids: text, labels: labels)], config: reference.model.config)
      #expect(abs((token.logprob ?? 1) + network.losses(whole)[0]) < 2e-5)
    }
  }
}
