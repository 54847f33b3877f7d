import Bytes
import Dispatch
public import HTTPServer
import Models
import PersonalLM
import Synchronization

/// Answers requests as OpenAI's API does: models, completions and chat completions.
public final class Service: Sendable {
  /// What a service lets its clients do.
  public struct Options: Sendable {
    /// What clients must show; nil for nothing.
    public var token: String?
    /// Whether the Host header must name this machine: it does where only this machine can connect,
    /// so that no web page of elsewhere can, by a name that leads here (DNS rebinding).
    public var isLoopback = true
    /// Answers being made at once.
    public var concurrency = 128
    /// Tokens of an answer at most.
    public var maximumTokens = 4096
    /// Is told what an operator should know.
    public var log: @Sendable (String) -> Void = { _ in }

    public init() {}
  }

  private let models: LoadedModels
  private let options: Options
  private let running = Mutex(0)
  private let draining = Mutex(false)

  public init(_ models: LoadedModels, options: Options) {
    self.models = models
    self.options = options
  }

  /// From now on, refuses whatever comes.
  public func drain() { draining.withLock { $0 = true } }

  /// Answers one request.
  public func answer(_ request: HTTPRequest, _ response: HTTPResponse) throws {
    do throws(APIError) {
      try admit(request)
      try route(request, response)
    } catch {
      // What has begun as a stream cannot become an error: it ends early.
      guard response.status == 0 else { throw HTTPError.closed }
      try Self.send(error, response)
    }
  }

  /// The body of an answer to what was no request.
  public static func refusal(_ error: HTTPError) -> (type: String, body: [UInt8]) {
    ("application/json", APIError(status: error.status, message: error.message).json.bytes)
  }

  private static func send(_ error: APIError, _ response: HTTPResponse) throws {
    var headers: [(String, String)] = []
    if error.status == 401 { headers.append(("WWW-Authenticate", "Bearer")) }
    if error.status == 429 || error.status == 503 { headers.append(("Retry-After", "1")) }
    if let methods = error.allowed { headers.append(("Allow", methods)) }
    try response.send(
      status: error.status, type: "application/json", body: error.json.bytes, headers: headers)
  }

  // MARK: Admission

  private func admit(_ request: HTTPRequest) throws(APIError) {
    if options.isLoopback {
      let names = ["127.0.0.1", "localhost", "[::1]"]
      func isHere(_ authority: some StringProtocol) -> Bool {
        names.contains { authority == $0 || authority.hasPrefix($0 + ":") }
      }
      guard isHere(request.header("host")?.lowercased() ?? "127.0.0.1") else { throw .wrongHost }
      if let origin = request.header("origin")?.lowercased() {
        let host = origin.split(separator: "/", omittingEmptySubsequences: true).last ?? ""
        guard isHere(host) else { throw .wrongHost }
      }
    }
    if let token = options.token {
      let shown = request.header("authorization") ?? ""
      let scheme = "bearer "
      guard shown.lowercased().hasPrefix(scheme),
        Self.isSame(shown.utf8.dropFirst(scheme.utf8.count), token.utf8)
      else { throw .wrongToken }
    }
    if draining.withLock({ $0 }) { throw .draining }
  }

  /// Compares in a time that does not tell how much is right.
  private static func isSame(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Bool {
    Digest(of: a) == Digest(of: b)
  }

  // MARK: Routes

  private func route(_ request: HTTPRequest, _ response: HTTPResponse) throws(APIError) {
    let modelPath = "/v1/models/"
    // The answer to HEAD is that to GET, of which the head alone is sent.
    switch (request.method == "HEAD" ? "GET" : request.method, request.path) {
    case ("GET", "/health"): try send(["status": "ok"], response)
    case ("GET", "/v1/models"):
      let names = try known { try models.names() }
      try send(["object": "list", "data": .array(names.map(Self.card))], response)
    case ("GET", let path) where path.hasPrefix(modelPath):
      let name = String(path.dropFirst(modelPath.count))
      guard try known({ try models.knows(name) }) else { throw .unknownModel(name) }
      try send(Self.card(name), response)
    case ("POST", "/v1/completions"):
      try answer(
        AnswerRequest(completion: request.body, limit: options.maximumTokens), .completion,
        response)
    case ("POST", "/v1/chat/completions"):
      try answer(
        AnswerRequest(chat: request.body, limit: options.maximumTokens), .chat, response)
    case (_, let path):
      guard let methods = Self.methods(of: path) else {
        throw APIError(
          status: 404, message: "Unknown request URL: \(request.method) \(path)",
          code: "unknown_url")
      }
      throw APIError(
        status: 405, message: "\(path) does not take \(request.method).",
        code: "method_not_allowed", allowed: methods)
    }
  }

  /// The methods that a path takes; nil where there is no such path.
  private static func methods(of path: String) -> String? {
    switch path {
    case "/health", "/v1/models": "GET, HEAD"
    case "/v1/completions", "/v1/chat/completions": "POST"
    default: path.hasPrefix("/v1/models/") ? "GET, HEAD" : nil
    }
  }

  private func send(_ json: JSON, _ response: HTTPResponse) throws(APIError) {
    do throws(HTTPError) {
      try response.send(status: 200, type: "application/json", body: json.bytes)
    } catch {
      throw APIError(status: error.status, message: error.message)
    }
  }

  private static func card(_ name: String) -> JSON {
    ["id": .string(name), "object": "model", "created": 0, "owned_by": "plm"]
  }

  /// What only the operator can mend becomes a server error, with the reason in the log.
  private func known<T>(_ body: () throws -> T) throws(APIError) -> T {
    do {
      return try body()
    } catch {
      options.log("\(error)")
      throw .server("The models of this server cannot be read; its log says why.")
    }
  }

  // MARK: Answers

  private func answer(
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
      // Room for a text of the user's own is what prompt and answer leave.
      if api == .chat, !request.isBounded { options.maximumTokens = model.base.positions / 4 }
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

  /// Seconds between two looks whether the client is still there.
  private static let patience = 0.25
  /// Nobody reads it.
  private static let gone = APIError(status: 499, message: "The client went away.")

  /// Waits for the next piece, and looks now and then whether the client still does.
  private func next(
    _ queue: AnswerQueue, _ response: HTTPResponse, field: String
  ) throws(APIError) -> (place: Int, piece: Piece) {
    while true {
      switch queue.next(seconds: Self.patience) {
      case .piece(let place, let piece): return (place, piece)
      case .failure(let error): throw Self.failure(error, field)
      case nil:
        guard response.isAwaited else { throw Self.gone }
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
    do throws(APIError) {
      while open > 0 {
        let (place, piece) = try next(queue, response, field: format.promptField)
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
    func event(_ json: JSON) throws(HTTPError) {
      try response.part(Array("data: ".utf8) + json.bytes + Array("\n\n".utf8))
    }
    do {
      // What cannot be computed shows before the stream begins, as an error with its status.
      var first: (place: Int, piece: Piece)? = try next(
        queue, response, field: format.promptField)
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
          (place, piece) = try next(queue, response, field: format.promptField)
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
    while done.wait(timeout: .now() + Self.patience) == .timedOut {
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

/// Stores what has come of one answer.
struct Answer {
  var text = ""
  var tokens: [Piece.Token] = []
  /// Where each token's text begins in `text`, in characters.
  var offsets: [Int] = []
  var end: Piece.End?
  var usage = Piece.Usage()

  /// Takes in a piece, and keeps its tokens.
  mutating func add(_ piece: Piece) {
    // What is known of the text before any answer is the prompt.
    offsets += AnswerFormat.offsets(piece.prompt, of: text, from: 0)
    offsets += AnswerFormat.offsets(piece.tokens, of: piece.text, from: text.unicodeScalars.count)
    tokens += piece.prompt + piece.tokens
    count(piece)
  }

  /// Takes in a piece whose tokens were told already.
  mutating func count(_ piece: Piece) {
    text += piece.text
    if let end = piece.end { self.end = end }
    if let usage = piece.usage { self.usage = usage }
  }
}
