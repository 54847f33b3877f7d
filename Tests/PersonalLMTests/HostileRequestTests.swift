import Bytes
import Foundation
import Testing

@testable import HTTPServer
@testable import Serving

/// Requests as no client sends them: each is refused or read, none ends the server.
@Suite struct HostileRequestTests {
  @Test func `ten thousand mangled requests are answered or refused`() throws {
    let server = try Server { $0.maximumTokens = 4 }
    let body: JSON = ["model": "ann", "prompt": ["The", "ship"], "max_tokens": 2, "stop": ["a"]]
    let sound = HTTPClient.request("POST", "/v1/completions", body)
    let pieces = [
      "\r\n", "\r\n\r\n", ":", "{", "}", "[", "\"", "Content-Length: 5\r\n", "%", "%zz", "\u{0}",
      "Transfer-Encoding: chunked\r\n", "99999999999999999999", "-1", "null", "1e999", "\\ud800",
    ].map { Array($0.utf8) }
    var random = SeededRandom(seed: 5)
    var statuses: [Int: Int] = [:]
    for round in 0..<10_000 {
      var bytes = sound
      for _ in 0...random.below(3) {
        let at = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes[at] = UInt8(random.below(256))
        case 1: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(8)))
        case 2: bytes.insert(contentsOf: pieces[random.below(pieces.count)], at: at)
        default: bytes.insert(bytes[random.below(bytes.count)], at: at)
        }
      }
      // Most go straight to the parsers; some all the way through a socket.
      if round % 50 == 0 {
        let descriptor = server.client.connect()
        server.client.send(bytes, on: descriptor)
        shutdown(descriptor, Int32(SHUT_WR))
        statuses[server.client.read(descriptor).status, default: 0] += 1
        close(descriptor)
      }
      let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))
      do throws(HTTPError) {
        _ = try HTTPRequest(head: bytes[..<(end?.lowerBound ?? bytes.count)])
      } catch {
        #expect((400...501).contains(error.status))
      }
      let content = end.map { Array(bytes[$0.upperBound...]) } ?? bytes
      do throws(APIError) {
        _ = try AnswerRequest(completion: content, limit: 100)
      } catch {
        #expect(error.status == 400)
      }
    }
    #expect(statuses[200, default: 0] > 0 && statuses[400, default: 0] > 0, "\(statuses)")
    #expect(statuses[500] == nil, "\(statuses)")
    #expect(server.complete("ann", "The", ["max_tokens": 1]).status == 200)
  }
}
