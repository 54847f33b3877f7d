import Bytes
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif
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
  private let session: URLSession

  init(endpoint: Endpoint, key: String?, delivery: Delivery) {
    self.endpoint = endpoint
    self.key = key
    self.delivery = delivery
    if endpoint.isLoopback {
      // A proxy named in the environment would carry what is meant for this machine off it.
      for name in ["no_proxy", "NO_PROXY"] { setenv(name, "*", 1) }
    }
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = delivery.timeout
    configuration.httpMaximumConnectionsPerHost = delivery.concurrency
    configuration.httpCookieStorage = nil
    configuration.urlCache = nil
    session = URLSession(
      configuration: configuration, delegate: StayingPut(), delegateQueue: nil)
  }

  /// Posts a body and returns the body of the answer.
  /// - Throws: `TeacherError.refused`, or `.unavailable` after the last attempt.
  func post(_ body: [UInt8]) async throws -> String {
    var request = URLRequest(url: endpoint.chat)
    request.httpMethod = "POST"
    request.timeoutInterval = delivery.timeout
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
    request.httpBody = Data(body)
    var last = ""
    for attempt in 0...delivery.retries {
      var pause = min(60, delivery.pause * Double(1 << min(attempt, 10)))
      do {
        let (data, response) = try await session.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        let answer = String(decoding: data, as: UTF8.self)
        if status == 200, Self.isReply(answer) { return answer }
        guard [0, 200, 408, 429].contains(status) || status >= 500 else {
          throw TeacherError.refused(
            host: endpoint.host, status: status, answer: excerpt(answer))
        }
        last =
          status == 200
          ? "status 200, but no choices in the answer: \(excerpt(answer))" : "status \(status)"
        if let asked = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "Retry-After"),
          let seconds = Double(asked), seconds >= 0
        {
          pause = min(300, seconds)
        }
      } catch let error as URLError where error.code != .cancelled {
        last =
          error.code == .timedOut
          ? "no answer in \(Int(delivery.timeout)) seconds" : "the connection failed"
      }
      if attempt < delivery.retries { try await Task.sleep(for: .seconds(pause)) }
    }
    throw TeacherError.unavailable(
      host: endpoint.host, attempts: delivery.retries + 1, last: last)
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

/// Follows no redirection: it could lead off this machine.
private final class StayingPut: NSObject, URLSessionTaskDelegate {
  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection: HTTPURLResponse,
    newRequest: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }
}
