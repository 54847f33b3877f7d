import Bytes
import Dispatch
import HTTPServer
import Models
import PersonalLM
import Synchronization

extension Service {
  /// Makes what was asked for and sends it: whole, as a stream, or as a choice.
  func answer(
    _ request: AnswerRequest, _ api: AnswerFormat.API, _ response: HTTPResponse
  ) throws(APIError) {
    let model: PersonalModel
    do {
      guard let found = try models.model(named: request.model) else {
        throw APIError.unknownModel(request.model)
      }
      model = found
    } catch let error as APIError {
      throw error
    } catch {
      options.log("\(request.model): \(error)")
      throw .server("The model '\(request.model)' cannot be loaded; the server's log says why.")
    }
    let cost = request.cost
    // Trying again later would not help.
    guard cost <= options.concurrency else {
      throw request.choices != nil
        ? .field("choices", "must hold at most \(options.concurrency) texts")
        : .field("n", "asks with this prompt for more than \(options.concurrency) answers at once")
    }
    let isAdmitted = running.withLock { running in
      guard running + cost <= options.concurrency else { return false }
      running += cost
      return true
    }
    guard isAdmitted else { throw .tooMany }
    var isIn = true
    // Before the last of an answer is sent: who has it may ask again at once.
    func leave() {
      if isIn { running.withLock { $0 -= cost } }
      isIn = false
    }
    defer { leave() }
    let format = AnswerFormat(api, model: request.model)
    let prompts = try Self.prompts(request, model, api)
    if let choices = request.choices {
      let answer = try choose(choices, prompts[0], model, format, response)
      leave()
      try send(answer, response)
    } else if request.streams {
      try stream(request, prompts, model, format, response, leave)
    } else {
      let answer = try whole(request, prompts, model, format, response)
      leave()
      try send(answer, response)
    }
  }

  private static func prompts(
    _ request: AnswerRequest, _ model: PersonalModel, _ api: AnswerFormat.API
  ) throws(APIError) -> [PersonalModel.Prompt] {
    let field = api == .chat ? "messages" : "prompt"
    var prompts: [PersonalModel.Prompt] = []
    for prompt in request.prompts {
      var options = request.options
      options.room = request.choices.map(model.longest)
      var made: PersonalModel.Prompt
      switch prompt {
      case .text(let text): made = model.prompt(text, options: options)
      case .tokens(let ids): made = PersonalModel.Prompt(ids: ids)
      case .conversation(let messages):
        do {
          made = try model.prompt(messages, options: options)
        } catch {
          throw .field(field, "do not fit the model's template: \(error)")
        }
      }
      guard made.ids.count <= model.base.positions else {
        throw .contextLength(
          "This model has \(model.base.positions) positions; the \(field) has "
            + "\(made.ids.count) tokens.", field)
      }
      if let limit = made.ids.first(where: { $0 < 0 || $0 >= model.vocabularyCount }) {
        throw .field(field, "holds the token \(limit), which the model does not have")
      }
      prompts.append(made)
    }
    return prompts
  }

  /// Starts every answer of a request.
  private func start(
    _ request: AnswerRequest, _ prompts: [PersonalModel.Prompt], _ model: PersonalModel
  ) -> (queue: AnswerQueue, cancel: () -> Void) {
    let queue = AnswerQueue()
    var cancels: [@Sendable () -> Void] = []
    for (p, prompt) in prompts.enumerated() {
      for draw in 0..<request.count {
        var options = request.options
        options.draw = draw
        let place = p * request.count + draw
        cancels.append(
          model.start(
            prompt, options: options, tell: { queue.put(.piece(place, $0)) },
            fail: { queue.put(.failure($0)) }))
      }
    }
    return (queue, { [cancels] in for cancel in cancels { cancel() } })
  }

  /// Read by who has closed no more than their own side.
  private static let gone = APIError(status: 499, message: "The client went away.")

  /// Waits for the next piece, and looks now and then whether the client still does: also while
  /// pieces come.
  private func next(
    _ queue: AnswerQueue, _ response: HTTPResponse, field: String,
    lastLook: inout ContinuousClock.Instant
  ) throws(APIError) -> (place: Int, piece: Piece) {
    while true {
      let item = queue.next(seconds: options.patience)
      if .now - lastLook >= .seconds(options.patience) {
        guard response.isAwaited else { throw Self.gone }
        lastLook = .now
      }
      switch item {
      case .piece(let place, let piece): return (place, piece)
      case .failure(let error): throw Self.failure(error, field)
      case nil: continue
      }
    }
  }

  /// What an engine cannot compute, in words for who asked.
  private static func failure(_ error: any Error, _ field: String) -> APIError {
    switch error as? ModelError {
    case .tooLong(let tokens, let positions):
      .contextLength(
        "This model has \(positions) positions; the \(field) "
          + (field == "choices" ? "reach to \(tokens) behind the prompt." : "has \(tokens)."),
        field)
    case .noRoom:
      .contextLength(
        "The answer may need more memory than this server has for one; ask for fewer tokens.",
        field)
    case .emptyPrompt: .field(field, "holds a text without a token")
    default: .contextLength("The request cannot be computed: \(error)", field)
    }
  }

  private func whole(
    _ request: AnswerRequest, _ prompts: [PersonalModel.Prompt], _ model: PersonalModel,
    _ format: AnswerFormat, _ response: HTTPResponse
  ) throws(APIError) -> JSON {
    let (queue, cancel) = start(request, prompts, model)
    var answers = [Answer](repeating: Answer(), count: prompts.count * request.count)
    if request.echoes {
      for place in answers.indices {
        answers[place].text = echo(request.prompts[place / request.count], model)
      }
    }
    var open = answers.count
    var lastLook = ContinuousClock.now
    do throws(APIError) {
      while open > 0 {
        let (place, piece) = try next(
          queue, response, field: format.promptField, lastLook: &lastLook)
        answers[place].add(piece)
        if piece.end != nil { open -= 1 }
      }
    } catch {
      cancel()
      throw error
    }
    return format.whole(
      answers, usage: Self.usage(answers, each: request.count),
      logprobs: request.options.logprobs != nil)
  }

  private func echo(_ prompt: AnswerRequest.Prompt, _ model: PersonalModel) -> String {
    switch prompt {
    case .text(let text): text
    case .tokens(let ids): model.text(of: ids)
    case .conversation: ""
    }
  }

  /// Tokens of all answers; a prompt that several are of counts once.
  private static func usage(_ answers: [Answer], each count: Int) -> Piece.Usage {
    var sum = Piece.Usage()
    for (place, answer) in answers.enumerated() {
      if place % count == 0 {
        sum.prompt += answer.usage.prompt
        sum.reused += answer.usage.reused
      }
      sum.completion += answer.usage.completion
    }
    return sum
  }

  private func stream(
    _ request: AnswerRequest, _ prompts: [PersonalModel.Prompt], _ model: PersonalModel,
    _ format: AnswerFormat, _ response: HTTPResponse, _ leave: () -> Void
  ) throws(APIError) {
    let (queue, cancel) = start(request, prompts, model)
    var answers = [Answer](repeating: Answer(), count: prompts.count * request.count)
    var open = answers.count
    var lastLook = ContinuousClock.now
    func event(_ json: JSON) throws(HTTPError) {
      try response.part(Array("data: ".utf8) + json.bytes + Array("\n\n".utf8))
    }
    do {
      // What cannot be computed shows before the stream begins, as an error with its status.
      var first: (place: Int, piece: Piece)? = try next(
        queue, response, field: format.promptField, lastLook: &lastLook)
      try response.begin(status: 200, type: "text/event-stream")
      for place in answers.indices {
        if let opening = format.opening(place, usage: request.includesUsage) { try event(opening) }
      }
      while open > 0 {
        let (place, piece): (Int, Piece)
        if let item = first {
          (place, piece) = item
          first = nil
        } else {
          (place, piece) = try next(
            queue, response, field: format.promptField, lastLook: &lastLook)
        }
        let start = answers[place].text.unicodeScalars.count
        answers[place].count(piece)
        for part in format.parts(
          place, piece, from: start, logprobs: request.options.logprobs != nil,
          usage: request.includesUsage)
        { try event(part) }
        if piece.end != nil { open -= 1 }
      }
      if request.includesUsage {
        try event(format.usage(Self.usage(answers, each: request.count)))
      }
      leave()
      try response.part(Array("data: [DONE]\n\n".utf8))
      try response.end()
    } catch {
      cancel()
      throw (error as? APIError) ?? Self.gone
    }
  }

  private func choose(
    _ choices: [String], _ prompt: PersonalModel.Prompt, _ model: PersonalModel,
    _ format: AnswerFormat, _ response: HTTPResponse
  ) throws(APIError) -> JSON {
    let done = DispatchSemaphore(value: 0)
    let result = Mutex<Result<[PersonalModel.Choice], any Error>?>(nil)
    let cancel = model.choose(prompt, among: choices) { scored in
      result.withLock { $0 = scored }
      done.signal()
    }
    while done.wait(timeout: .now() + options.patience) == .timedOut {
      guard response.isAwaited else {
        cancel()
        throw Self.gone
      }
    }
    switch result.withLock({ $0 }) {
    case .success(let scored): return format.choice(among: scored, promptTokens: prompt.ids.count)
    case .failure(let error): throw Self.failure(error, "choices")
    case nil: throw .server("The choices were not scored.")
    }
  }
}
