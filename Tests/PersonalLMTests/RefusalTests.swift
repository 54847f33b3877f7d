import Bytes
import Foundation
import TestKit
import Testing

@testable import HTTPServer
@testable import Serving

/// What a server turns away, and in which words.
@Suite struct RefusalTests {
  static let wrong: [(String, JSON, Int, String?)] = [
    ("/v1/completions", ["model": "cyd", "prompt": "a"], 404, "model"),
    ("/v1/completions", ["model": "../ann", "prompt": "a"], 404, "model"),
    ("/v1/completions", ["prompt": "a"], 400, "model"),
    ("/v1/completions", ["model": "ann"], 400, "prompt"),
    ("/v1/completions", ["model": "ann", "prompt": [1, "a"]], 400, "prompt"),
    ("/v1/completions", ["model": "ann", "prompt": [100_000]], 400, "prompt"),
    ("/v1/completions", ["model": "ann", "prompt": "a", "max_tokens": -1], 400, "max_tokens"),
    ("/v1/completions", ["model": "ann", "prompt": "a", "max_tokens": 1e9], 400, "max_tokens"),
    ("/v1/completions", ["model": "ann", "prompt": "a", "temperature": 3], 400, "temperature"),
    ("/v1/completions", ["model": "ann", "prompt": "a", "temperature": "hot"], 400, "temperature"),
    ("/v1/completions", ["model": "ann", "prompt": "a", "n": 0], 400, "n"),
    ("/v1/completions", ["model": "ann", "prompt": "a", "stop": [1]], 400, "stop"),
    ("/v1/completions", ["model": "ann", "prompt": "a", "max_token": 3], 400, "max_token"),
    (
      "/v1/completions", ["model": "ann", "prompt": "a", "logit_bias": ["5": 1]], 400, "logit_bias"
    ),
    ("/v1/completions", ["model": "ann", "prompt": "a", "choices": ["b"], "n": 2], 400, "choices"),
    (
      "/v1/completions", ["model": "ann", "prompt": "a", "choices": ["b"], "echo": true], 400,
      "choices"
    ),
    (
      "/v1/completions", ["model": "ann", "prompt": "a", "choices": ["b"], "logprobs": 1], 400,
      "choices"
    ),
    (
      "/v1/completions", ["model": "ann", "prompt": "a", "choices": ["b"], "stop": "c"], 400,
      "choices"
    ),
    ("/v1/chat/completions", ["model": "ann", "messages": []], 400, "messages"),
    (
      "/v1/chat/completions", ["model": "ann", "messages": [["role": "king", "content": "a"]]], 400,
      "messages[0].role"
    ),
    (
      "/v1/chat/completions",
      ["model": "ann", "messages": [["role": "user", "content": [["type": "image_url"]]]]], 400,
      "messages[0].content"
    ),
    (
      "/v1/chat/completions",
      [
        "model": "ann", "messages": [["role": "user", "content": "a"]], "top_logprobs": 3,
      ], 400, "top_logprobs"
    ),
    (
      "/v1/chat/completions",
      [
        "model": "ann", "messages": [["role": "user", "content": "a"]],
        "response_format": ["type": "json_object"],
      ], 400, "response_format"
    ),
  ]

  @Test func `what is wrong is said in OpenAI's shape, with the field's name`() throws {
    let server = try Server()
    for (path, body, status, param) in Self.wrong {
      let answer = server.client.post(path, body)
      #expect(answer.status == status, "\(body): \(answer.text)")
      #expect(answer.json["error"]?["param"]?.stringValue == param, "\(body): \(answer.text)")
      #expect(answer.json["error"]?["message"]?.stringValue?.isEmpty == false)
    }
    let long = server.complete("ann", String(repeating: "The ship ", count: 300))
    #expect(long.status == 400 && long.json["error"]?["code"] == "context_length_exceeded")
    #expect(server.client.get("/v1/nothing").status == 404)
    #expect(server.client.get("/v1/completions").status == 405)
    #expect(
      server.client.raw(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n{\"a"
      ).status == 400)
  }

  @Test func `what is no HTTP, too large or too slow is turned away`() throws {
    var limits = HTTPLimits()
    (limits.bodyBytes, limits.headBytes, limits.headSeconds) = (4096, 2048, 0.5)
    limits.bodySeconds = 0.5
    let server = try Server(limits: limits)
    let client = server.client
    #expect(client.raw("hello\r\n\r\n").status == 400)
    #expect(client.raw("GET / HTTP/1.1\r\n\r\n").status == 400)
    #expect(client.raw("GET / HTTP/3.0\r\nHost: localhost\r\n\r\n").status == 501)
    #expect(
      client.raw("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: a\r\n\r\n").status == 400)
    #expect(
      client.raw(
        "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 4000)
          + "\r\n\r\n"
      ).status == 431)
    let post = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
    #expect(client.raw(post + "Content-Length: 5000\r\n\r\n").status == 413)
    #expect(client.raw(post + "Content-Length: 99999999999999999999\r\n\r\n").status == 413)
    #expect(client.raw(post + "Content-Length: -1\r\n\r\n").status == 400)
    #expect(
      client.raw(post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n").status == 400)
    #expect(client.raw(post + "Transfer-Encoding: chunked\r\n\r\nffff\r\n").status == 413)
    #expect(client.raw(post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n").status == 400)
    #expect(client.raw("GET /v1/mod").status == 408)
    #expect(client.raw(post + "Content-Length: 10\r\n\r\nabc").status == 408)
    // A body in chunks is as good as any.
    let body = JSON.object(["model": "ann", "prompt": "The", "max_tokens": 1]).text
    let cut = body.index(body.startIndex, offsetBy: 9)
    let parts = [body[..<cut], body[cut...]].map {
      "\(String($0.utf8.count, radix: 16));x=y\r\n\($0)\r\n"
    }.joined()
    #expect(client.raw(post + "Transfer-Encoding: chunked\r\n\r\n\(parts)0\r\n\r\n").status == 200)
    // Two requests on one connection.
    let descriptor = client.connect()
    defer { close(descriptor) }
    let request = HTTPClient.request("GET", "/v1/models", nil)
    client.send(request + request, on: descriptor)
    #expect(client.read(descriptor).status == 200)
  }

  @Test func `a bundle that is there and cannot be read is no unknown model`() throws {
    let server = try Server()
    try Files.write("", to: server.bundles.folder("ghost/manifest.json/a"))
    let listed = server.client.get("/v1/models")
    #expect(listed.text.contains("ghost"))
    #expect(server.client.get("/v1/models/ghost").status == 500)
    #expect(server.client.get("/v1/models/nobody").status == 404)
    let file = server.bundles.path(of: "ann") + "/manifest.json"
    #expect(throws: FileError(.list, file, code: ENOTDIR)) {
      try FolderBundles(folder: file).users()
    }
  }
}
