import Bytes
public import HTTPServer
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
    /// Seconds between two looks whether a client is still there.
    var patience = 0.25
    /// Is told what an operator should know.
    public var log: @Sendable (String) -> Void = { _ in }

    public init() {}
  }

  let models: LoadedModels
  let options: Options
  /// Answers being made.
  let running = Mutex(0)
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

  func send(_ json: JSON, _ response: HTTPResponse) throws(APIError) {
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
}
