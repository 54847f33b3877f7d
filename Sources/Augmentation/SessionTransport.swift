import Foundation
import Synchronization

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Posts with Foundation's client, which has TLS and proxies.
///
/// A request that has begun is never cancelled from outside, only by its own end: on Linux a session
/// that is told to cancel while it finishes may wait for ever for whoever tells it.
struct SessionTransport: Transport {
  func post(
    _ body: [UInt8], to endpoint: Endpoint, key: String?, seconds: Double
  ) async throws(TransportFailure) -> ServiceAnswer {
    var request = URLRequest(url: endpoint.chat)
    request.httpMethod = "POST"
    request.timeoutInterval = seconds
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
    request.httpBody = Data(body)
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = seconds
    configuration.httpCookieStorage = nil
    configuration.urlCache = nil
    let outcome = await withCheckedContinuation { continuation in
      let session = URLSession(
        configuration: configuration, delegate: Exchange { continuation.resume(returning: $0) },
        delegateQueue: nil)
      let task = session.dataTask(with: request)
      task.resume()
      session.finishTasksAndInvalidate()
      // An answer that comes drop by drop would never be late for Foundation.
      DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { task.cancel() }
    }
    return try outcome.get()
  }
}

/// Gathers the answer to one request. Follows no redirection, and logs in nowhere.
private final class Exchange: NSObject, URLSessionDataDelegate {
  private let body = Mutex<[UInt8]>([])
  private let isTooLong = Atomic<Bool>(false)
  /// Called once: a session says once that a task has ended.
  private let end: @Sendable (Result<ServiceAnswer, TransportFailure>) -> Void

  init(_ end: @escaping @Sendable (Result<ServiceAnswer, TransportFailure>) -> Void) {
    self.end = end
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let count = body.withLock { body in
      body += data
      return body.count
    }
    guard count > ServiceAnswer.mostBytes else { return }
    isTooLong.store(true, ordering: .relaxed)
    dataTask.cancel()
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    if isTooLong.load(ordering: .relaxed) {
      end(.failure(.tooLong))
    } else if let error {
      let code = (error as? URLError)?.code
      end(
        .failure(
          code == .timedOut || code == .cancelled
            ? .late : .broken(reason: error.localizedDescription)))
    } else if let response = task.response as? HTTPURLResponse {
      end(
        .success(
          ServiceAnswer(
            status: response.statusCode,
            retryAfter: response.value(forHTTPHeaderField: "Retry-After"),
            body: body.withLock { $0 })))
    } else {
      end(.failure(.broken()))
    }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection: HTTPURLResponse,
    newRequest: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
    completionHandler:
      @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) ->
      Void
  ) {
    #if canImport(FoundationNetworking)
      // There TLS asks nobody whom to trust.
      completionHandler(.rejectProtectionSpace, nil)
    #else
      let isTrust =
        challenge.protectionSpace.authenticationMethod == NSURLAuthenticationMethodServerTrust
      completionHandler(isTrust ? .performDefaultHandling : .rejectProtectionSpace, nil)
    #endif
  }
}
