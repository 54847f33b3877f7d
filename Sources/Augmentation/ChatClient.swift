import Bytes
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Posts requests to a chat service, with patience.
struct ChatClient: Sendable {
  let delivery: Delivery
  private let endpoint: Endpoint
  private let key: String?
  private let transport: any Transport

  /// - Parameter key: the service's key; white space around it, as files have it, is no part of it.
  init(endpoint: Endpoint, key: String?, delivery: Delivery) {
    self.endpoint = endpoint
    let key = key?.trimmingSpace
    self.key = key?.isEmpty == true ? nil : key
    self.delivery = delivery
    if endpoint.isLoopback {
      // A proxy named in the environment would carry what is meant for this machine off it.
      for name in ["no_proxy", "NO_PROXY"] { setenv(name, "*", 1) }
    }
    let isPlain = endpoint.isLoopback && endpoint.scheme == "http"
    transport = isPlain ? LoopbackTransport() : SessionTransport()
  }

  /// Whether the key, if there is one, can stand in a header.
  var isKeyUsable: Bool { key?.utf8.allSatisfy { 0x21...0x7e ~= $0 } ?? true }

  /// Posts a body and returns the body of the answer.
  /// - Throws: `TeacherError.refused`, or `.unavailable` after the last attempt; `CancellationError`
  ///   where nobody wants another one.
  func post(_ body: [UInt8]) async throws -> String {
    var last = ""
    for attempt in 0...delivery.retries {
      if attempt > 0 { try Task.checkCancellation() }
      var pause = min(60, delivery.pause * Double(1 << min(attempt, 10)))
      switch await attempted(body) {
      case .success(let answer):
        let text = String(decoding: answer.body, as: UTF8.self)
        if answer.status == 200, Self.isReply(text) { return withoutKey(text) }
        guard [200, 408, 429].contains(answer.status) || answer.status >= 500 else {
          throw TeacherError.refused(
            host: endpoint.host, status: answer.status, answer: excerpt(text))
        }
        last =
          answer.status == 200
          ? "status 200, but no choices in the answer: \(excerpt(text))" : "status \(answer.status)"
        if let seconds = answer.retryAfter.flatMap(Double.init), seconds >= 0 {
          pause = min(300, seconds)
        }
      case .failure(.late): last = "no answer in \(delivery.timeout.formatted()) seconds"
      case .failure(.broken(let reason)):
        last = "the connection failed" + (reason.isEmpty ? "" : ": \(reason)")
      case .failure(.tooLong):
        last = "an answer of more than \(ServiceAnswer.mostBytes >> 20) MiB"
      }
      if attempt < delivery.retries { try await Task.sleep(for: .seconds(pause)) }
    }
    throw TeacherError.unavailable(
      host: endpoint.host, attempts: delivery.retries + 1, last: last)
  }

  private func attempted(_ body: [UInt8]) async -> Result<ServiceAnswer, TransportFailure> {
    do throws(TransportFailure) {
      return .success(
        try await transport.post(body, to: endpoint, key: key, seconds: delivery.timeout))
    } catch {
      return .failure(error)
    }
  }

  /// A reply without the key, which is kept in no file. Keys of services that want none ("none",
  /// "ollama") are words that a text may hold, and short.
  private func withoutKey(_ reply: String) -> String {
    guard let key, key.utf8.count >= 12 else { return reply }
    return reply.replacing(key, with: "…")
  }

  /// Whether an answer is a chat completion, whatever it says: that is kept. A service that is still
  /// loading its model may send anything, and is asked again.
  private static func isReply(_ answer: String) -> Bool {
    guard let json = try? JSON(parsing: answer) else { return false }
    return json["choices"]?.arrayValue?.first?["message"]?.objectValue != nil
  }

  /// The message of an error answer: short, on one line, and without the key, which some services
  /// quote.
  private func excerpt(_ answer: String) -> String {
    var answer = answer
    if let key, !key.isEmpty { answer = answer.replacing(key, with: "…") }
    return answer.prefix(200).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
