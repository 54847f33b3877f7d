import Dispatch

/// Posts to a service on this machine, over a socket.
///
/// Foundation's client keeps a core busy for as long as it waits (on Linux), and a model on this
/// machine has a use for it.
struct LoopbackTransport: Transport {
  private static let queue = DispatchQueue(label: "teacher", attributes: .concurrent)

  func post(
    _ body: [UInt8], to endpoint: Endpoint, key: String?, seconds: Double
  ) async throws(TransportFailure) -> ServiceAnswer {
    let head =
      [
        "POST \(endpoint.target) HTTP/1.1", "Host: \(endpoint.authority)",
        "Content-Type: application/json", "Content-Length: \(body.count)",
        "Accept: application/json", "Connection: close",
      ] + (key.map { ["Authorization: Bearer \($0)"] } ?? [])
    let request = Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    let outcome: Result<ServiceAnswer, TransportFailure> = await withCheckedContinuation { done in
      Self.queue.async {
        do throws(TransportFailure) {
          let connection = try LoopbackConnection(
            host: endpoint.host, port: endpoint.port, seconds: seconds)
          try connection.send(request)
          done.resume(returning: .success(try connection.answer()))
        } catch {
          done.resume(returning: .failure(error))
        }
      }
    }
    return try outcome.get()
  }
}
