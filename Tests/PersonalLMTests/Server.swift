import Bytes
import Foundation
import HTTPServer
import PersonalLM

@testable import Serving

/// Owns a server on bundles of a tiny model, on a port of its own.
final class Server {
  let bundles: TinyBundles
  let models: LoadedModels
  let service: Service
  let http: HTTPServer
  let client: HTTPClient

  init(
    users: [String] = ["ann", "bob"], template: String? = nil, memory: Int = 1 << 30,
    limits: HTTPLimits = HTTPLimits(), set: (inout Service.Options) -> Void = { _ in }
  ) throws {
    bundles = try TinyBundles(users: users, template: template)
    var options = Service.Options()
    options.maximumTokens = 512
    set(&options)
    models = LoadedModels(FolderBundles(folder: bundles.path), limit: memory)
    let service = Service(models, options: options)
    self.service = service
    http = try HTTPServer(host: "127.0.0.1", port: 0, limits: limits, refusal: Service.refusal) {
      try service.answer($0, $1)
    }
    let server = http
    Thread.detachNewThread { server.run() }
    client = HTTPClient(port: http.port)
  }

  deinit { http.drain() }

  func complete(_ user: String, _ prompt: String, _ more: [String: JSON] = [:]) -> HTTPClient.Answer
  {
    let members: [String: JSON] = [
      "model": .string(user), "prompt": .string(prompt), "temperature": 0, "max_tokens": 12,
    ]
    return client.post("/v1/completions", .object(members.merging(more) { _, new in new }))
  }

  func chat(_ user: String, _ text: String, _ more: [String: JSON] = [:]) -> HTTPClient.Answer {
    let members: [String: JSON] = [
      "model": .string(user), "messages": [["role": "user", "content": .string(text)]],
      "temperature": 0, "max_tokens": 12,
    ]
    return client.post("/v1/chat/completions", .object(members.merging(more) { _, new in new }))
  }

  /// Asks for a long stream, and returns its connection when the first of it is there.
  func startStream() -> Int32 {
    let running = client.connect()
    client.send(
      HTTPClient.request(
        "POST", "/v1/completions",
        ["model": "ann", "prompt": "The", "max_tokens": 200, "temperature": 0, "stream": true]),
      on: running)
    var byte: UInt8 = 0
    _ = recv(running, &byte, 1, Int32(MSG_PEEK))
    return running
  }
}
