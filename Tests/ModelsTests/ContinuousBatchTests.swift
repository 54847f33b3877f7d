import Bytes
import Formats
import Kernels
import Models
import Testing

/// What a request gets from a batch, whoever is in it beside.
@Suite struct ContinuousBatchTests {
  let reference: Reference
  /// None, and four of different ranks and targets, the last two with magnitudes.
  let adapters: [Adapter?]

  init() throws {
    let reference = try Reference("llama-tied-gqa")
    self.reference = reference
    adapters =
      [nil]
      + [
        (2, ["q_proj", "down_proj"], false), (5, AdapterConfig.linearLayers, false),
        (8, ["v_proj", "gate_proj"], true), (3, AdapterConfig.linearLayers, true),
      ].map { rank, targets, isDecomposed in
        var random = SeededRandom(seed: UInt64(rank))
        return Adapter.drawn(
          AdapterConfig(
            rank: rank, alpha: 16, targets: targets, weightDecomposed: isDecomposed),
          on: reference.model, deviation: 0.05, &random)
      }
  }

  /// What came of one request.
  struct Answer: Equatable {
    var tokens: [ScoredToken] = []
    var read: [ScoredToken] = []
    var end: Continuation.End?
    var reused = 0
  }

  func run(
    _ requests: [DecodeRequest], on model: LanguageModel? = nil,
    limits: ContinuousBatch.Limits = .init(), joining every: Int = 0
  ) throws -> [Answer] {
    let batch = ContinuousBatch(model ?? reference.model, limits: limits)
    return try run(requests, in: batch, joining: every)
  }

  /// - Parameter every: steps between one request's coming and the next one's.
  func run(
    _ requests: [DecodeRequest], in batch: ContinuousBatch, joining every: Int = 0
  ) throws -> [Answer] {
    var answers: [ContinuousBatch.Ticket: Answer] = [:]
    var tickets: [ContinuousBatch.Ticket] = []
    var coming = requests[...]
    var steps = 0
    while !coming.isEmpty || !batch.isIdle {
      while !coming.isEmpty, every == 0 || steps >= tickets.count * every {
        tickets.append(try batch.add(coming.removeFirst()))
      }
      for (ticket, event) in batch.step() {
        switch event {
        case .read(let token): answers[ticket, default: Answer()].read.append(token)
        case .began(let reused): answers[ticket, default: Answer()].reused = reused
        case .token(let token): answers[ticket, default: Answer()].tokens.append(token)
        case .ended(let end): answers[ticket, default: Answer()].end = end
        }
      }
      steps += 1
    }
    return tickets.map { answers[$0] ?? Answer() }
  }

  func prompt(_ length: Int, _ seed: UInt64) -> [Int32] {
    var random = SeededRandom(seed: seed)
    return (0..<length).map { _ in Int32(random.below(reference.model.config.vocabularySize)) }
  }

  /// Prompts of many lengths, all adapters, some drawn and some greedy, with log-probabilities: bits
  /// that differ would show in these.
  func mixed(_ count: Int) -> [DecodeRequest] {
    (0..<count).map { i in
      var options = GenerationOptions(maximumTokens: 6 + i % 5, seed: UInt64(i))
      if i % 3 == 1 { (options.temperature, options.topK, options.minP) = (0.9, 40, 0.02) }
      if i % 4 == 2 { options.repetitionPenalty = 1.3 }
      return DecodeRequest(
        prompt: prompt(1 + i * 7 % 60, UInt64(100 + i)), adapter: adapters[i % adapters.count],
        options: options, logprobs: 2)
    }
  }

  @Test(arguments: 1...8)
  func `an answer has the same bits in a batch of any size`(count: Int) throws {
    let requests = mixed(count)
    let together = try run(requests)
    for (request, answer) in zip(requests, together) {
      #expect(try run([request])[0] == answer)
      #expect(answer.tokens.count == request.options.maximumTokens)
      #expect(answer.tokens.allSatisfy { ($0.logprob ?? 1) <= 0 && $0.likeliest.count == 2 })
    }
    // Each joins while the others go on; prompts are read in small pieces.
    let apart = try run(requests, limits: .init(sequences: 3, prefillTokens: 5), joining: 2)
    #expect(apart == together)
  }

  @Test(arguments: [NumberType.bf16, .q8, .q4])
  func `over weights of fewer bits prompts are rounded, with the same bits in any batch`(
    type: NumberType
  ) throws {
    let model = try reference.model(holding: .rounded(type))
    let requests = mixed(8).map { request in
      var request = request
      // Magnitudes belong to one model.
      request.adapter = request.adapter.map { $0.on(model) }
      return request
    }
    let together = try run(requests, on: model)
    for (request, answer) in zip(requests, together) {
      #expect(try run([request], on: model)[0] == answer)
    }
    let limits = ContinuousBatch.Limits(sequences: 3, prefillTokens: 5)
    #expect(try run(requests, on: model, limits: limits, joining: 2) == together)

    // And near what the same weights give without rounding anything: nearer by far than their own
    // rounding to four bits is to what the model was.
    let ids = prompt(60, 5)
    let read = try run(
      [
        DecodeRequest(prompt: ids, options: GenerationOptions(maximumTokens: 0), scoredFrom: 1)
      ], on: model)[0].read
    #expect(read.count == ids.count - 1)
    let exact = try losses(of: ids, model)
    let original = try losses(of: ids, reference.model(holding: .rounded(.f32)))
    var (off, moved) = (Float(0), Float(0))
    for ((token, loss), before) in zip(zip(read, exact), original) {
      let difference = (token.logprob ?? 0) + loss
      if type != .q4 { #expect(abs(difference) < 0.02) }
      off += difference * difference
      moved += (loss - before) * (loss - before)
    }
    if type == .q4 { #expect(off < moved / 25, "\(off), \(moved)") }
  }

  @Test(arguments: [NumberType.f32, .q8, .q4])
  func `rows without magnitudes keep their bits beside rows with them`(type: NumberType) throws {
    // Biases too are added from another place then.
    let model = try Reference("qwen2-tied-bias-gqa").model(holding: .rounded(type))
    let requests = adapters.enumerated().map { i, adapter in
      DecodeRequest(
        prompt: prompt(5 + i * 9, UInt64(i)), adapter: adapter?.on(model),
        options: GenerationOptions(maximumTokens: 6), logprobs: 2, scoredFrom: 0)
    }
    let together = try run(requests, on: model)
    for (request, answer) in zip(requests, together) {
      #expect(try run([request], on: model)[0] == answer)
    }
    #expect(Set(together.map { $0.tokens[0].logprob }).count == requests.count)
  }

  private func losses(of ids: [Int32], _ model: LanguageModel) throws -> [Float] {
    let sample = TokenSample(ids: ids, labels: [-100] + ids.dropFirst())
    let batch = try Batch([sample], config: model.config)
    return Network(model).losses(batch).suffix(ids.count - 1)
  }

  @Test func `an adapter changes what is said`() throws {
    let answers = try run(
      adapters.map { DecodeRequest(prompt: [5, 6, 7], adapter: $0, logprobs: 0) })
    for (i, a) in answers.enumerated() {
      for b in answers[(i + 1)...] { #expect(a.tokens[0].logprob != b.tokens[0].logprob) }
    }
  }

  @Test func `greedy answers are those of a network alone`() throws {
    for adapter in adapters {
      let prompts = (1..<6).map { prompt($0 * 9, UInt64($0)) }
      let options = GenerationOptions(maximumTokens: 12)
      let wanted = try Network(reference.model, adapter: adapter).generate(
        prompts, options: options)
      let found = try run(
        prompts.map { DecodeRequest(prompt: $0, adapter: adapter, options: options) })
      #expect(found.map { $0.tokens.map(\.id) } == wanted.map(\.tokens))
    }
  }

  @Test func `a beginning that was read before is used again, and changes nothing`() throws {
    let options = GenerationOptions(maximumTokens: 8)
    let start = prompt(50, 1)
    func request(_ more: [Int32], _ adapter: Adapter?) -> DecodeRequest {
      DecodeRequest(prompt: start + more, adapter: adapter, options: options, logprobs: 3)
    }
    let batch = ContinuousBatch(reference.model)
    let first = try run([request([], adapters[1])], in: batch)[0]
    #expect(first.reused == 0)
    // A conversation goes on: prompt, answer, and more.
    let more = first.tokens.map(\.id) + prompt(9, 2)
    let second = try run([request(more, adapters[1])], in: batch)[0]
    #expect(second.reused == 50)
    var alone = try run([request(more, adapters[1])])[0]
    alone.reused = 50
    #expect(second == alone)
    // Of another adapter, nothing is taken.
    #expect(try run([request(more, adapters[2])], in: batch)[0].reused == 0)
    // The same again: all but the last token, whose logits are needed.
    #expect(
      try run([request(more, adapters[1])], in: batch)[0].reused == start.count + more.count - 1)
  }

  @Test func `requests that begin alike read their beginning once`() throws {
    let start = prompt(60, 3)
    let requests = (0..<6).map { i in
      DecodeRequest(
        prompt: start + [Int32(i)], options: GenerationOptions(maximumTokens: 4), draw: i,
        logprobs: 0)
    }
    let answers = try run(requests, limits: .init(prefillTokens: 16))
    #expect(answers.map(\.reused) == [0, 60, 60, 60, 60, 60])
    for (request, answer) in zip(requests, answers) {
      #expect(try run([request])[0].tokens == answer.tokens)
    }
  }

  @Test func `the tokens of a prompt have the log-probabilities that the loss says`() throws {
    let samples = reference.samples
    let batch = try reference.batch()
    let losses = Network(reference.model).losses(batch)
    let answers = try run(
      samples.map {
        DecodeRequest(
          prompt: $0.ids, options: GenerationOptions(maximumTokens: 0), scoredFrom: 0)
      }, limits: .init(prefillTokens: 7))
    var next = 0
    for (s, sample) in samples.enumerated() {
      #expect(answers[s].read.map(\.id) == sample.ids)
      #expect(answers[s].read[0].logprob == nil && answers[s].end == .length)
      for i in 1..<sample.ids.count where sample.labels[i] != TokenSample.unlabelled {
        #expect(abs((answers[s].read[i].logprob ?? 0) + losses[next]) < 1e-4)
        next += 1
      }
    }
    #expect(next == losses.count)
  }

  @Test func `memory for caches is bounded, and nobody waits for ever`() throws {
    // One token of this model takes so many bytes; room for two sequences of thirty.
    let config = reference.model.config
    let perToken = 2 * config.layerCount * config.keyValueHeadCount * config.headSize * 4
    let limits = ContinuousBatch.Limits(cacheBytes: perToken * 60, prefillTokens: 8)
    let batch = ContinuousBatch(reference.model, limits: limits)
    for i in 0..<12 {
      _ = try batch.add(
        DecodeRequest(
          prompt: prompt(20, UInt64(i)), adapter: adapters[i % 4],
          options: GenerationOptions(maximumTokens: 11)))
    }
    var ended = 0
    var steps = 0
    while !batch.isIdle {
      ended += batch.step().count { if case .ended = $0.event { true } else { false } }
      #expect(batch.cacheBytes <= limits.cacheBytes)
      steps += 1
      try #require(steps < 1000)
    }
    #expect(ended == 12)
    let long = DecodeRequest(
      prompt: prompt(50, 1), options: GenerationOptions(maximumTokens: 12))
    #expect(throws: ModelError.noRoom(bytes: perToken * 61, limit: limits.cacheBytes)) {
      _ = try batch.add(long)
    }
  }

  @Test func `what is computed for an adapter that is let go of is not kept`() throws {
    let batch = ContinuousBatch(reference.model)
    func add(_ adapter: Int) throws {
      _ = try batch.add(
        DecodeRequest(
          prompt: prompt(20, 1), adapter: adapters[adapter],
          options: GenerationOptions(maximumTokens: 4)))
    }
    try add(1)
    try add(2)
    _ = batch.step()
    batch.forget(try #require(adapters[1]))
    // One that was about to come may come still.
    try add(1)
    while !batch.isIdle { _ = batch.step() }
    let kept = batch.cacheBytes
    #expect(kept > 0)
    batch.forget(try #require(adapters[2]))
    #expect(batch.cacheBytes == 0)
  }

  @Test func `a request that is cancelled leaves the others alone`() throws {
    let requests = mixed(4)
    let wanted = try run(requests)
    let batch = ContinuousBatch(reference.model)
    let cancelled = try batch.add(requests[0])
    let stays = try batch.add(requests[1])
    var tokens: [ScoredToken] = []
    var steps = 0
    while !batch.isIdle {
      for (ticket, event) in batch.step() {
        #expect(steps < 3 || ticket == stays)
        if ticket == stays, case .token(let token) = event { tokens.append(token) }
      }
      steps += 1
      if steps == 3 { batch.cancel(cancelled) }
    }
    #expect(tokens == wanted[1].tokens)
  }

  @Test func `a stop token, the last position and an impossible prompt end a request`() throws {
    let free = try run([DecodeRequest(prompt: [3, 4], options: .init(maximumTokens: 5))])[0]
    var options = GenerationOptions(maximumTokens: 5)
    options.stop = [free.tokens[2].id]
    let stopped = try run([DecodeRequest(prompt: [3, 4], options: options)])[0]
    let before = free.tokens.prefix { $0.id != free.tokens[2].id }
    #expect(stopped.end == .stop && stopped.tokens == Array(before))
    let last = try run([
      DecodeRequest(prompt: prompt(120, 4), options: .init(maximumTokens: 100))
    ])[0]
    #expect(last.end == .length && last.tokens.count == 9)
    let batch = ContinuousBatch(reference.model)
    #expect(throws: ModelError.emptyPrompt) { _ = try batch.add(DecodeRequest(prompt: [])) }
    #expect(throws: ModelError.tokenOutOfRange(id: 512, vocabulary: 512)) {
      _ = try batch.add(DecodeRequest(prompt: [512]))
    }
    #expect(throws: ModelError.tooLong(tokens: 129, positions: 128)) {
      _ = try batch.add(DecodeRequest(prompt: prompt(129, 5)))
    }
  }
}
