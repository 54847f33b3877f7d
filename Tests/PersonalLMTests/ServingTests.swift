import Bytes
import Foundation
import PersonalLM
import Synchronization
import TestKit
import Testing

@testable import HTTPServer
@testable import Serving

@Suite struct ServingTests {
  @Test func `models are listed and answer`() throws {
    let server = try Server()
    let list = server.client.get("/v1/models").json
    #expect(list["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } == ["ann", "bob"])
    #expect(server.client.get("/v1/models/ann").json["id"] == "ann")
    #expect(server.client.get("/v1/models/cyd").status == 404)
    let answer = server.complete("ann", "The ship")
    #expect(answer.status == 200, "\(answer.text)")
    let choice = try #require(answer.json["choices"]?.arrayValue?.first)
    #expect(choice["finish_reason"] == "length" && choice["logprobs"] == .null)
    #expect(answer.json["usage"]?["completion_tokens"] == 12)
    #expect(answer.json["object"] == "text_completion")
    #expect(server.complete("bob", "The ship").json["choices"]?.arrayValue?.first != choice)
  }

  @Test func `a stream says the same, part by part`() throws {
    let server = try Server()
    let whole = server.complete("ann", "The ship", ["logprobs": 2])
    let stream = server.complete(
      "ann", "The ship",
      ["stream": true, "logprobs": 2, "stream_options": ["include_usage": true]])
    #expect(stream.text.hasSuffix("data: [DONE]\n\n"))
    #expect(stream.headers["content-type"] == "text/event-stream")
    let events = stream.events
    let choices = events.compactMap { $0["choices"]?.arrayValue?.first }
    #expect(
      choices.compactMap { $0["text"]?.stringValue }.joined()
        == whole.json["choices"]?.arrayValue?.first?["text"]?.stringValue)
    #expect(choices.last?["finish_reason"] == "length")
    #expect(choices.dropLast().allSatisfy { $0["finish_reason"] == .null })
    #expect(events.last?["usage"]?["completion_tokens"] == 12)
    #expect(events.dropLast().allSatisfy { $0["usage"] == .null })
    let lists = choices.compactMap { $0["logprobs"]?["tokens"]?.arrayValue }.flatMap { $0 }
    let columns = try #require(whole.json["choices"]?.arrayValue?.first?["logprobs"])
    #expect(columns["tokens"]?.arrayValue == lists && lists.count == 12)
    let offsets = choices.compactMap { $0["logprobs"]?["text_offset"]?.arrayValue }.flatMap { $0 }
    #expect(columns["text_offset"]?.arrayValue == offsets)
  }

  @Test func `a chat has its own shapes`() throws {
    let server = try Server(template: TinyBundles.bracketed)
    let whole = server.chat("ann", "Hello", ["logprobs": true, "top_logprobs": 3])
    #expect(whole.status == 200, "\(whole.text)")
    let choice = try #require(whole.json["choices"]?.arrayValue?.first)
    #expect(choice["message"]?["role"] == "assistant")
    let rows = try #require(choice["logprobs"]?["content"]?.arrayValue)
    #expect(rows.count == 12 && rows.allSatisfy { $0["top_logprobs"]?.arrayValue?.count == 3 })
    // Greedy: the token is the first of the likeliest.
    #expect(
      rows.allSatisfy { $0["token"] == $0["top_logprobs"]?.arrayValue?.first?["token"] })
    let stream = server.chat("ann", "Hello", ["stream": true, "max_completion_tokens": 12])
    let deltas = stream.events.compactMap { $0["choices"]?.arrayValue?.first?["delta"] }
    #expect(deltas.first?["role"] == "assistant")
    #expect(
      deltas.compactMap { $0["content"]?.stringValue }.joined()
        == choice["message"]?["content"]?.stringValue)
    let parts = server.client.post(
      "/v1/chat/completions",
      [
        "model": "ann", "temperature": 0, "max_tokens": 12,
        "messages": [
          [
            "role": "user",
            "content": [["type": "text", "text": "Hel"], ["type": "text", "text": "lo"]],
          ]
        ],
      ])
    #expect(parts.json["choices"]?.arrayValue?.first?["message"] == choice["message"])
  }

  @Test func `seeds, several answers, several prompts, echo`() throws {
    let server = try Server()
    let drawn: [String: JSON] = ["temperature": 1, "seed": 7, "n": 3]
    let one = server.complete("ann", "The", drawn).json["choices"]
    #expect(one == server.complete("ann", "The", drawn).json["choices"])
    #expect(
      one != server.complete("ann", "The", ["temperature": 1, "seed": 8, "n": 3]).json["choices"])
    let texts = try #require(one?.arrayValue).compactMap { $0["text"]?.stringValue }
    #expect(Set(texts).count == 3)
    let two = server.complete("ann", "", ["prompt": ["The ship", "Red"]]).json
    let ship = server.complete("ann", "The ship").json["choices"]?.arrayValue?.first?["text"]
    #expect(two["choices"]?.arrayValue?.map { $0["index"] } == [0, 1])
    #expect(two["choices"]?.arrayValue?.first?["text"] == ship)
    let echo = server.complete(
      "ann", "The ship", ["echo": true, "max_tokens": 0, "logprobs": 0]
    ).json["choices"]?.arrayValue?.first
    #expect(echo?["text"] == "The ship")
    let logprobs = try #require(echo?["logprobs"]?["token_logprobs"]?.arrayValue)
    #expect(
      logprobs.first == .null && logprobs.dropFirst().allSatisfy { ($0.doubleValue ?? 1) <= 0 })
  }

  @Test func `a choice is one of those given`() throws {
    let server = try Server()
    let answer = server.complete("ann", "The ship came", ["choices": [" in", " red", " at dawn"]])
    let scores = try #require(answer.json["scores"]?.arrayValue, "\(answer.text)")
    let best = scores.max { ($0["logprob"]?.doubleValue ?? 0) < ($1["logprob"]?.doubleValue ?? 0) }
    #expect(answer.json["choices"]?.arrayValue?.first?["text"] == best?["text"])
  }

  @Test func `choices count as answers, and one too long is said in words for clients`() throws {
    let server = try Server { $0.concurrency = 2 }
    let three = server.complete("ann", "The", ["choices": [" in", " red", " at"]])
    #expect(three.status == 400 && three.json["error"]?["param"] == "choices")
    #expect(server.complete("ann", "The", ["choices": [" in", " red"]]).status == 200)
    let long = server.complete(
      "ann", "The", ["choices": [.string(String(repeating: "€", count: 200)), " in"]])
    #expect(long.status == 400 && long.json["error"]?["code"] == "context_length_exceeded")
    #expect(long.json["error"]?["message"]?.stringValue?.contains("256 positions") == true)
    #expect(!long.text.contains("tokenise"))
  }

  @Test func `choices have the room they need, whatever passages could take of it`() throws {
    let server = try Server()
    let long = String(repeating: " the ship came in", count: 17)
    let answer = server.complete(
      "ann", "mended the red sails", ["choices": [.string(long), " at dawn"], "retrieval": true])
    #expect(answer.status == 200, "\(answer.text)")
  }

  @Test func `an answer to a client who left is not computed to its end`() throws {
    let server = try Server { $0.patience = 0.02 }
    let engine = try #require(try server.models.model(named: "ann")).base.engine
    let request: JSON = [
      "model": "ann", "prompt": ["The", "A", "At", "In"], "n": 16, "max_tokens": 240,
      "retrieval": false, "temperature": 0,
    ]
    let whole = ContinuousClock().measure {
      #expect(server.client.post("/v1/completions", request).status == 200)
    }
    func wait(until isSo: () -> Bool) {
      let end = ContinuousClock.now + .seconds(60)
      while !isSo(), .now < end { usleep(1000) }
    }
    // A machine that is busy elsewhere may take its time once, but not every time.
    var left = whole
    for _ in 0..<5 where left >= whole / 2 {
      let client = server.client.connect()
      server.client.send(HTTPClient.request("POST", "/v1/completions", request), on: client)
      wait { engine.load.jobs > 0 }
      left = ContinuousClock().measure {
        close(client)
        wait { engine.load.jobs == 0 }
      }
    }
    #expect(left < whole / 2, "\(left) of \(whole)")
  }

  @Test func `offsets count characters, and an echo has the prompt's own tokens only`() throws {
    let server = try Server()
    func columns(_ prompt: String, _ more: [String: JSON] = [:]) -> JSON? {
      let asked: [String: JSON] = ["echo": true, "max_tokens": 0, "logprobs": 0]
      return server.complete("ann", prompt, asked.merging(more) { $1 })
        .json["choices"]?.arrayValue?.first?["logprobs"]
    }
    // What starts a text, and then a token for each byte: the euro sign has three.
    #expect(columns("x€%")?["text_offset"]?.arrayValue == [0, 0, 1, 1, 1, 2])
    let plain = try #require(columns("red sails")?["tokens"]?.arrayValue)
    let helped = try #require(columns("red sails", ["retrieval": true]))
    #expect(helped["tokens"]?.arrayValue == plain)
    #expect(helped["token_logprobs"]?.arrayValue?.count == plain.count)
  }

  @Test func `HEAD is GET without a body, and 405 says what goes`() throws {
    let server = try Server()
    let close = ["Connection": "close"]
    let whole = server.client.get("/v1/models", close)
    let head = server.client.raw(HTTPClient.request("HEAD", "/v1/models", nil, close))
    #expect(head.status == 200 && head.body.isEmpty)
    #expect(head.headers["content-length"] == whole.headers["content-length"])
    let wrong = server.client.get("/v1/completions")
    #expect(wrong.status == 405 && wrong.headers["allow"] == "POST")
    let other = server.client.post("/v1/models", [:])
    #expect(other.status == 405 && other.headers["allow"] == "GET, HEAD")
  }

  @Test func `a client of HTTP 1.0 gets a stream without chunks`() throws {
    let server = try Server()
    let body: JSON = ["model": "ann", "prompt": "The", "max_tokens": 4, "stream": true]
    let sent = HTTPClient.request("POST", "/v1/completions", body, ["Connection": "keep-alive"])
    let old = server.client.raw(
      String(decoding: sent, as: UTF8.self).replacing("HTTP/1.1", with: "HTTP/1.0"))
    #expect(old.status == 200 && old.headers["transfer-encoding"] == nil)
    #expect(old.headers["connection"] == "close")
    #expect(old.text.hasPrefix("data: {") && old.text.hasSuffix("data: [DONE]\n\n"))
  }

  @Test func `whole addresses are targets, and empty lines are no requests`() throws {
    var limits = HTTPLimits()
    limits.headSeconds = 0.3
    let server = try Server(users: ["base-ball"], limits: limits)
    func status(_ address: String, _ host: String) -> Int {
      server.client.raw("GET \(address) HTTP/1.1\r\nHost: \(host)\r\n\r\n").status
    }
    #expect(status("http://localhost/v1/models", "other") == 200)
    #expect(status("http://evil.example/v1/models", "localhost") == 403)
    #expect(status("ftp://localhost/v1/models", "localhost") == 400)
    let kept = server.client.connect()
    defer { close(kept) }
    let request = HTTPClient.request("GET", "/v1/models", nil)
    server.client.send(request, on: kept)
    #expect(server.client.read(kept).status == 200)
    server.client.send(Array("\r\n".utf8), on: kept)
    usleep(600_000)
    server.client.send(request, on: kept)
    let second = server.client.read(kept)
    #expect(second.status == 200)
    // A user may be called as folders of bases are.
    #expect(second.json["data"]?.arrayValue?.map { $0["id"] } == ["base-ball"])
  }

  @Test func `the token and the host are asked for`() throws {
    let server = try Server { $0.token = "secret" }
    #expect(server.client.get("/v1/models").status == 401)
    #expect(server.client.get("/v1/models", ["Authorization": "Bearer wrong"]).status == 401)
    let right = ["Authorization": "Bearer secret"]
    #expect(server.client.get("/v1/models", right).status == 200)
    func status(_ more: [String: String]) -> Int {
      server.client.get("/v1/models", right.merging(more) { _, new in new }).status
    }
    #expect(status(["Host": "evil.example"]) == 403)
    #expect(status(["Host": "127.0.0.1.evil.example"]) == 403)
    #expect(status(["Host": "localhost:\(server.http.port)"]) == 200)
    #expect(status(["Origin": "https://evil.example"]) == 403)
    #expect(status(["Origin": "http://localhost:3000"]) == 200)
  }

  @Test func `many clients on many users' adapters get what one alone gets`() async throws {
    let users = (0..<4).map { "user\($0)" + String(repeating: "x", count: $0) }
    let server = try Server(users: users)
    let prompts = ["The ship", "Nobody had seen such", "\"Where from?\"", "Red as rust and"]
    let client = server.client
    @Sendable func text(_ user: String, _ prompt: String) -> String {
      let answer = client.post(
        "/v1/completions",
        ["model": .string(user), "prompt": .string(prompt), "temperature": 0, "max_tokens": 24])
      return answer.json["choices"]?.arrayValue?.first?["text"]?.stringValue ?? answer.text
    }
    var found: [String: String] = [:]
    for user in users { for prompt in prompts { found[user + prompt] = text(user, prompt) } }
    let alone = found
    #expect(Set(alone.values).count > users.count)
    let differences = Mutex(0)
    let done = DispatchGroup()
    for i in 0..<32 {
      done.enter()
      Thread.detachNewThread {
        let (user, prompt) = (users[i % 4], prompts[i / 4 % 4])
        if text(user, prompt) != alone[user + prompt] { differences.withLock { $0 += 1 } }
        done.leave()
      }
    }
    await withCheckedContinuation { continuation in
      done.notify(queue: .global()) { continuation.resume() }
    }
    #expect(differences.withLock { $0 } == 0)
    #expect(server.models.load.bases == 1 && server.models.load.users == 4)
  }

  @Test func `what is not used is let go of, and comes back`() throws {
    // Room for the base and about two adapters.
    let users = ["ann", "bob", "cyd", "dan", "eve"]
    let server = try Server(users: users, memory: 1)
    let first = users.map { server.complete($0, "The").json["choices"] }
    #expect(server.models.load.users == 1)
    #expect(users.map { server.complete($0, "The").json["choices"] } == first)
    // A new bundle is taken at once.
    let manifest = server.bundles.path(of: "ann") + "/manifest.json"
    try Files.write(try Files.text(server.bundles.path(of: "bob") + "/manifest.json"), to: manifest)
    #expect(server.complete("ann", "The").status == 500)
  }

  @Test func `too many at once are told to come again`() throws {
    let server = try Server { $0.concurrency = 2 }
    #expect(server.complete("ann", "The", ["n": 2]).status == 200)
    // What would never have room is not told to come again.
    let never = server.complete("ann", "The", ["n": 3])
    #expect(never.status == 400 && never.json["error"]?["param"] == "n")
    // A stream may have come to its end before the next one asks: one of many will not.
    let refused = (0..<50).lazy.map { _ in
      let running = server.startStream()
      defer { close(running) }
      return server.complete("ann", "The", ["n": 2])
    }.first { $0.status != 200 }
    #expect(refused?.status == 429 && refused?.json["error"]?["type"] == "rate_limit_error")
    #expect(refused?.headers["retry-after"] == "1")
  }

  @Test func `at its end it finishes what runs and refuses what comes`() throws {
    let server = try Server()
    let running = server.startStream()
    defer { close(running) }
    let late = server.client.connect()
    defer { close(late) }
    server.service.drain()
    server.http.drain()
    server.client.send(HTTPClient.request("GET", "/v1/models", nil), on: late)
    let refused = server.client.read(late)
    #expect(refused.status == 503 || refused.status == 0)
    let answer = server.client.read(running)
    #expect(answer.status == 200 && answer.text.hasSuffix("data: [DONE]\n\n"))
  }
}
