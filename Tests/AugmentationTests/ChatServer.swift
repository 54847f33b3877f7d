import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Answers HTTP requests on a port of the loopback interface, as a script says.
final class ChatServer: Sendable {
  struct Answer: Sendable {
    var status = 200
    var headers: [String] = []
    var body = ""
    /// The whole answer as it is sent, where the rest does not say it.
    var raw: String?
    /// Microseconds before each byte.
    var pause: UInt32 = 0
  }

  /// What was received: head and body of each request.
  struct Request: Sendable {
    let head: String
    let body: String
  }

  let port: UInt16
  private let listener: Int32
  private let received = Mutex<[Request]>([])
  private let highest = Mutex<(now: Int, most: Int)>((0, 0))
  private let script: @Sendable (_ number: Int, Request) -> Answer
  private let delay: UInt32

  var requests: [Request] { received.withLock { $0 } }
  var mostAtOnce: Int { highest.withLock { $0.most } }

  /// - Parameter delay: microseconds before each answer.
  init(
    delay: UInt32 = 0, _ script: @escaping @Sendable (_ number: Int, Request) -> Answer
  ) throws {
    self.script = script
    self.delay = delay
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 64) == 0
          && getsockname(listener, $0, &size) == 0
      }
    }
    guard bound else { throw Failure() }
    port = UInt16(bigEndian: address.sin_port)
    start()
  }

  struct Failure: Error {}

  var address: String { "http://127.0.0.1:\(port)/v1" }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private func start() {
    thread { [listener, weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        guard let self else {
          close(connection)
          return
        }
        self.thread { [weak self] in
          self?.serve(connection)
          close(connection)
        }
      }
    }
  }

  private func serve(_ connection: Int32) {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 {
        let length =
          parts[0].split(separator: "\r\n").lazy
          .filter { $0.lowercased().hasPrefix("content-length:") }
          .compactMap { Int($0.dropFirst(15).drop(while: { $0 == " " })) }.first ?? 0
        if parts[1].utf8.count >= length {
          answer(Request(head: String(parts[0]), body: String(parts[1])), connection)
          return
        }
      }
      let count = recv(connection, &piece, piece.count, 0)
      guard count > 0 else { return }
      bytes += piece[..<count]
    }
  }

  private func answer(_ request: Request, _ connection: Int32) {
    let number = received.withLock { list in
      list.append(request)
      return list.count - 1
    }
    highest.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
    if delay > 0 { usleep(delay) }
    let answer = script(number, request)
    highest.withLock { $0.now -= 1 }
    let head =
      [
        "HTTP/1.1 \(answer.status) X", "Content-Length: \(answer.body.utf8.count)",
        "Connection: close",
      ] + answer.headers
    let text = answer.raw ?? (head.joined(separator: "\r\n") + "\r\n\r\n" + answer.body)
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      if answer.pause > 0 { usleep(answer.pause) }
      let piece = Array(answer.pause > 0 ? rest.prefix(1) : rest)
      let count = send(connection, piece, piece.count, Int32(MSG_NOSIGNAL))
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private func thread(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Box(body))
    var id = pthread_t()
    pthread_create(
      &id, nil,
      { raw in
        if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    pthread_detach(id)
  }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
