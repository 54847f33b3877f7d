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
    let validation = context.optionalInput("validation")
    let tokenizer = try (context.optionalInput("test") ?? validation).map { _ in
      try TokenizerFolder.open(paths: base.filePaths) { try base.map($0) }
    }
    let records = try context.optionalInput("test").map { try RecordFile.decode($0.read()) }
    let samples = try samples(tokenizer, records)
    guard samples.contains(where: { $0.lossCount > 0 }) else { throw EvaluateError.emptyTest }
    let personal = try adapter("adapter")
    let control = try adapter("control")
    let shipped = try context.optionalInput("shipped").map { input in
      try LanguageModel(ModelFolder(paths: input.filePaths) { try input.map($0) })
    }

    let retrievals = try retrievals(tokenizer)
    var arms: [(name: String, network: Network, samples: [TokenSample])] = []
    func add(_ name: String, _ adapter: Adapter?, withRetrieval: Bool) {
      let network = Evaluate.network(model, adapter: adapter, context)
      arms.append((name, network, samples))
      for (suffix, retrieval) in withRetrieval ? retrievals : [] {
        arms.append((name + suffix, network, retrieval.augment(samples)))
      }
    }
    add("base", nil, withRetrieval: true)
    if let control { add("real", control, withRetrieval: false) }
    if let personal { add("personal", personal, withRetrieval: true) }
    if let shipped { arms.append(("shipped", Evaluate.network(shipped, context), samples)) }

    var scores: [String: JSON] = [:]
    let all = arms.reduce(0) { $0 + $1.samples.count }
    var done = 0
    for arm in arms {
      let score = try Scorer(arm.network).score(arm.samples) { count in
        context.progress(["samples": .int(done + count), "of": .int(all)])
      }
      done += arm.samples.count
      var facts = score.json.objectValue ?? [:]
      let bits = score.bitsPerByte.map { ", \($0) bits per byte" } ?? ""
      context.log("\(arm.name): loss \(score.loss)" + bits)
      if let tokenizer, let records {
        facts.merge(try answer(arm, records, tokenizer)) { $1 }
      }
      scores[arm.name] = .object(facts)
    }
    var metrics: [String: JSON] = ["arms": .object(scores)]
    if let validation, let tokenizer {
      metrics["validation_arms"] = .object(
        try validated(
          validation, base: Evaluate.network(model, context),
          personal: personal.map { Evaluate.network(model, adapter: $0, context) },
          try retrieval(tokenizer), tokenizer))
      // Two bundles can be compared where they were measured on the same texts.
      metrics["validation_text"] = .string(validation.digest.description)
    }
    try context.output("metrics").write(
      "metrics.json", text: JSON.object(metrics).text + "\n")

    if let tokenizer, let end = tokenizer.separatorID, context[Evaluate.examples] > 0 {
      var beside = SideBySide(
        samples, count: context[Evaluate.examples], tokens: context[Evaluate.exampleTokens],
        tokenizer: tokenizer, stop: end, seed: UInt64(context[Evaluate.seed]))
      for arm in arms where !arm.name.contains("+retrieval") && arm.name != "shipped" {
        try beside.add(arm.name, arm.network)
      }
      try context.output("continuations").write(text: beside.markdown)
    }
    if context[Evaluate.keepLogits] {
      try writeLogits(Evaluate.network(model, adapter: personal, context), samples)
    }
  }

  /// Scores the arms that a bundle may ship on validation texts; none if these are empty.
  private func validated(
    _ validation: InputArtifact, base: Network, personal: Network?, _ retrieval: Retrieval?,
    _ tokenizer: any Tokenizer
  ) throws -> [String: JSON] {
    let samples = try encoded(RecordFile.decode(validation.read()), tokenizer)
    guard samples.contains(where: { $0.lossCount > 0 }) else { return [:] }
    var scores: [String: JSON] = [:]
    for (name, network) in [("base", base), ("personal", personal)] {
      guard let network else { continue }
      scores[name] = try Scorer(network).score(samples).json
      if let retrieval {
        scores[name + "+retrieval"] = try Scorer(network).score(retrieval.augment(samples)).json
      }
    }
    return scores
  }

  /// Has an arm answer the test's questions, if there are any; returns what its answers are worth.
  private func answer(
    _ arm: (name: String, network: Network, samples: [TokenSample]), _ records: [Record],
    _ tokenizer: any Tokenizer
  ) throws -> [String: JSON] {
    guard context[Evaluate.answerTokens] > 0, let end = tokenizer.separatorID else { return [:] }
    let asked = Answers(arm.samples, of: records)
    guard !asked.questions.isEmpty else { return [:] }
    let answers = try asked.ask(
      arm.network, tokens: context[Evaluate.answerTokens], tokenizer: tokenizer, stop: end
    ) { context.progress(["answers": .int($0), "of": .int(asked.questions.count)]) }
    let golds = zip(asked.questions, answers).map { question, answer in
      JSON.object(["id": .string(question.record), "output": .string(answer)])
    }
    let task = records.lazy.compactMap(\.task).first ?? ""
    try context.output("answers").write(
      arm.name + ".json",
      text: JSON.object(["task": .string(task), "golds": .array(golds)]).text + "\n")
    let rouge = asked.rouge(answers)
    return [
      "rouge_1": .double(rouge.one), "rouge_l": .double(rouge.longest),
      "questions": .int(answers.count),
    ]
  }

  /// What arms with retrieval are called, and how much each retrieves.
  private func retrievals(
    _ tokenizer: (any Tokenizer)?
  ) throws -> [(suffix: String, retrieval: Retrieval)] {
    let text = context[Evaluate.retrieve]
    let counts = text.split(separator: ",").map {
      Int($0.trimmingPrefix(while: \.isWhitespace)) ?? 0
    }
    guard !counts.isEmpty, counts.allSatisfy({ (1...64).contains($0) }),
      Set(counts).count == counts.count
    else { throw EvaluateError.badCounts(text) }
    return try counts.enumerated().compactMap { place, count in
      try retrieval(tokenizer, count: count).map {
        (place == 0 ? "+retrieval" : "+retrieval-\(count)", $0)
      }
    }
  }

  /// Retrieval as bundles have it, with one passage, or with more; nil where there is no index.
  private func retrieval(
    _ tokenizer: (any Tokenizer)?, count: Int = 1
  ) throws -> Retrieval? {
    guard let tokenizer, let input = context.optionalInput("index"), tokenizer.startID != nil
    else { return nil }
    return Retrieval(
      index: try BM25Index(decoding: input.read()), tokenizer: tokenizer,
      positions: config.maximumPositions, count: count)
  }

  private func samples(
    _ tokenizer: (any Tokenizer)?, _ records: [Record]?
  ) throws -> [TokenSample] {
    if let input = context.optionalInput("tokens") {
      return try TokenFile(input.map(input.isTree ? TokenFile.name : "")).samples
    }
    guard let records, let tokenizer else {
      throw EvaluateError.nothingToScore
    }
    return try encoded(records, tokenizer)
  }

  private func encoded(
    _ records: [Record], _ tokenizer: any Tokenizer
  ) throws -> [TokenSample] {
    try SampleEncoder(tokenizer: tokenizer, window: Evaluate.window(config, context))
      .encode(records)
  }

  private func adapter(_ name: String) throws -> Adapter? {
    try context.optionalInput(name).map { input in
      try Adapter(paths: input.paths, base: model) { try input.map($0) }
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
