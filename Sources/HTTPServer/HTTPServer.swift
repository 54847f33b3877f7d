import Foundation
import Synchronization

/// Serves HTTP/1.1 on a socket of one host: a thread for each connection, so many and no more.
public final class HTTPServer: Sendable {
  /// Answers a request; what it throws ends the connection.
  public typealias Handler = @Sendable (HTTPRequest, HTTPResponse) throws -> Void
  /// Makes the body of an answer to what was no request: its type and its bytes.
  public typealias Refusal = @Sendable (HTTPError) -> (type: String, body: [UInt8])

  /// The port it listens on.
  public let port: Int
  private let listener: Int32
  private let limits: HTTPLimits
  private let handler: Handler
  private let refusal: Refusal
  private let state = Mutex(State())

  private struct State {
    var connections = 0
    /// Requests that are being answered.
    var requests = 0
    var isDraining = false
    var isClosed = false
  }

  /// Listens.
  /// - Parameter port: 0 takes a free one.
  /// - Throws: `ListenError` where the system refuses.
  public init(
    host: String, port: Int, limits: HTTPLimits = HTTPLimits(),
    refusal: @escaping Refusal, handler: @escaping Handler
  ) throws(ListenError) {
    self.limits = limits
    self.handler = handler
    self.refusal = refusal
    (listener, self.port) = try Self.listen(host: host, port: port)
  }

  /// Takes connections until `drain` is done; returns then.
  public func run() {
    while !state.withLock({ $0.isClosed }) {
      // A full house lets clients wait in the system's queue, unaccepted.
      guard state.withLock({ $0.connections < limits.connections }) else {
        usleep(5000)
        continue
      }
      var poll = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      guard Foundation.poll(&poll, 1, 200) > 0 else { continue }
      let socket = accept(listener, nil, nil)
      guard socket >= 0 else {
        // No descriptors left: wait for some to come back.
        if errno == EMFILE || errno == ENFILE { usleep(50_000) }
        continue
      }
      _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
      state.withLock { $0.connections += 1 }
      let thread = Thread { [self] in
        serve(socket)
        state.withLock { $0.connections -= 1 }
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    close(listener)
    // Connections see the end within a moment.
    let end = Connection.now + 5
    while state.withLock({ $0.connections > 0 }), Connection.now < end { usleep(5000) }
  }

  /// Lets requests that are being answered come to their end, and then ends `run`.
  ///
  /// What still comes is handled, so that it is answered: refusing it is the handler's.
  public func drain() {
    state.withLock { $0.isDraining = true }
    let thread = Thread { [self] in
      while state.withLock({ $0.requests > 0 }) { usleep(5000) }
      state.withLock { $0.isClosed = true }
    }
    thread.start()
  }

  // MARK: Connections

  private func serve(_ socket: Int32) {
    let connection = Connection(socket: socket, limits: limits)
    while true {
      let request: HTTPRequest
      do throws(HTTPError) {
        request = try connection.request { [self] in
          // A client that was served gives its place up when others want it.
          state.withLock { state in
            !state.isClosed
              && (!connection.hasServed
                || !state.isDraining && state.connections < limits.connections)
          }
        }
      } catch {
        refuse(connection, error)
        return
      }
      connection.hasServed = true
      let wasDraining = state.withLock { state in
        if !state.isDraining { state.requests += 1 }
        return state.isDraining
      }
      defer { if !wasDraining { state.withLock { $0.requests -= 1 } } }
      let response = HTTPResponse(
        connection, to: request, keepsAlive: request.keepsAlive && !wasDraining)
      do {
        try handler(request, response)
        try response.end()
      } catch {
        return
      }
      guard response.keepsAlive, response.hasEnded else {
        connection.finish()
        return
      }
    }
  }

  private func refuse(_ connection: Connection, _ error: HTTPError) {
    guard error != .closed else { return }
    let (type, body) = refusal(error)
    let response = HTTPResponse(connection, to: nil, keepsAlive: false)
    try? response.send(status: error.status, type: type, body: body)
    connection.finish()
  }

  // MARK: Listening

  private static func listen(host: String, port: Int) throws(ListenError) -> (Int32, Int) {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = Int32(SOCK_STREAM)
    #endif
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, "\(port)", &hints, &found)
    guard code == 0, let address = found else {
      throw .noSuchHost(host, String(cString: gai_strerror(code)))
    }
    defer { freeaddrinfo(found) }
    let info = address.pointee
    let listener = socket(info.ai_family, info.ai_socktype, info.ai_protocol)
    guard listener >= 0 else { throw .refused(host, port, code: errno) }
    _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(listener, info.ai_addr, info.ai_addrlen) == 0, Foundation.listen(listener, 256) == 0
    else {
      let code = errno
      close(listener)
      throw .refused(host, port, code: code)
    }
    var name = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let bound = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(listener, $0, &length)
      }
    }
    guard bound == 0 else { return (listener, port) }
    let isSix = name.ss_family == sa_family_t(AF_INET6)
    let number = withUnsafePointer(to: &name) { pointer in
      isSix
        ? pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_port }
        : pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_port }
    }
    return (listener, Int(UInt16(bigEndian: number)))
  }
}

/// Says why a server cannot listen.
public enum ListenError: Error, Equatable, Sendable {
  case noSuchHost(String, String)
  case refused(String, Int, code: Int32)
}

extension ListenError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchHost(let host, let why):
      "cannot listen · \(host): \(why) · give --host an address of this machine"
    case .refused(let host, let port, let code):
      "cannot listen · \(host) port \(port): \(String(cString: strerror(code))) · "
        + Self.advice(code)
    }
  }
  private static func advice(_ code: Int32) -> String {
    switch code {
    case EADDRNOTAVAIL: "give --host an address of this machine"
    case EACCES: "give a --port from 1024 on, which needs no rights"
    default: "give another --port, or end what uses it"
    }
  }
}
