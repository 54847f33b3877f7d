import Bytes
import Corpus
import Encoding
import Evaluation
import Formats
import Models
import Persona
import StageKit
import Tokenizers

/// Scores one user's test texts with every model there is.
struct Arms {
  let base: InputArtifact
  let model: LanguageModel
  let context: StageContext

  private var config: ModelConfig { model.config }

  func write() throws {
    let tokenizer = try context.optionalInput("test").map { _ in
      try TokenizerFolder.open(paths: base.filePaths) { try base.map($0) }
    }
    let samples = try samples(tokenizer)
    guard samples.contains(where: { $0.lossCount > 0 }) else { throw EvaluateError.emptyTest }
    let personal = try adapter("adapter")
    let control = try adapter("control")
    let shipped = try context.optionalInput("shipped").map { input in
      try LanguageModel(ModelFolder(paths: input.filePaths) { try input.map($0) })
    }

    var helped: [TokenSample]?
    if let tokenizer, let index = context.optionalInput("index"), let end = tokenizer.separatorID {
      helped = Retrieval(
        index: try BM25Index(decoding: index.read()), tokenizer: tokenizer,
        positions: config.maximumPositions, separator: end
      ).augment(samples)
    }
    var arms: [(name: String, network: Network, samples: [TokenSample])] = []
    func add(_ name: String, _ adapter: Adapter?, withRetrieval: Bool) {
      let network = Network(model, adapter: adapter)
      arms.append((name, network, samples))
      if withRetrieval, let helped { arms.append((name + "+retrieval", network, helped)) }
    }
    add("base", nil, withRetrieval: true)
    if let control { add("real", control, withRetrieval: false) }
    if let personal { add("personal", personal, withRetrieval: true) }
    if let shipped { arms.append(("shipped", Network(shipped), samples)) }

    var scores: [String: JSON] = [:]
    let all = arms.reduce(0) { $0 + $1.samples.count }
    var done = 0
    for arm in arms {
      let score = try Scorer(arm.network).score(arm.samples) { count in
        context.progress(["samples": .int(done + count), "of": .int(all)])
      }
      done += arm.samples.count
      scores[arm.name] = score.json
      context.log("\(arm.name): loss \(score.loss), \(score.bitsPerByte) bits per byte")
    }
    try context.output("metrics").write(
      "metrics.json", text: JSON.object(["arms": .object(scores)]).text + "\n")

    if let tokenizer, let end = tokenizer.separatorID, context[Evaluate.examples] > 0 {
      var beside = SideBySide(
        samples, count: context[Evaluate.examples], tokens: context[Evaluate.exampleTokens],
        tokenizer: tokenizer, stop: end, seed: UInt64(context[Evaluate.seed]))
      for arm in arms where !arm.name.hasSuffix("+retrieval") && arm.name != "shipped" {
        try beside.add(arm.name, arm.network)
      }
      try context.output("continuations").write(text: beside.markdown)
    }
    if context[Evaluate.keepLogits] {
      try writeLogits(Network(model, adapter: personal), samples)
    }
  }

  private func samples(_ tokenizer: (any Tokenizer)?) throws -> [TokenSample] {
    if let input = context.optionalInput("tokens") {
      return try TokenFile(input.map(input.isTree ? TokenFile.name : "")).samples
    }
    guard let input = context.optionalInput("test"), let tokenizer else {
      throw EvaluateError.nothingToScore
    }
    let window = context[Evaluate.window] > 0 ? context[Evaluate.window] : config.maximumPositions
    return try SampleEncoder(tokenizer: tokenizer, window: min(window, config.maximumPositions))
      .encode(RecordFile.decode(input.read()))
  }

  private func adapter(_ name: String) throws -> Adapter? {
    try context.optionalInput(name).map { input in
      try Adapter(paths: input.paths, base: config) { try input.map($0) }
    }
  }

  /// Logits [n, vocabulary] of all positions, sample after sample.
  private func writeLogits(_ network: Network, _ samples: [TokenSample]) throws {
    var logits: [Float] = []
    for sample in samples {
      let batch = try Batch([sample], config: config)
      logits += network.logits(batch, rows: Array(0..<batch.count))
    }
    var writer = SafetensorsWriter()
    writer.add(
      "logits", logits, shape: [logits.count / config.vocabularySize, config.vocabularySize])
    try context.output("logits").write(writer.bytes(), mappable: true)
  }
}
