#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One exchange by HTTP/1.1 (RFC 9112) with a service on this machine, which ends at a given time.
final class LoopbackConnection {
  private static let mostHeadBytes = 1 << 16

  private let socket: Int32
  /// Nanoseconds of the clock that only goes on.
  private let end: UInt64
  /// What came and was not used yet: from `start` on.
  private var buffer: [UInt8] = []
  private var start = 0

  /// Connects to the first address of this machine that a name stands for and that listens.
  init(host: String, port: Int, seconds: Double) throws(TransportFailure) {
    end = Self.now + UInt64(min(max(seconds, 0), 1e8) * 1e9)
    var hints = addrinfo()
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0 else { throw .broken() }
    defer { freeaddrinfo(list) }
    var failure = TransportFailure.broken()
    var next = list
    while let address = next?.pointee {
      next = address.ai_next
      guard Self.isLoopback(address) else { continue }
      do throws(TransportFailure) {
        socket = try Self.connected(address, end)
        return
      } catch {
        failure = error
      }
    }
    throw failure
  }

  deinit { close(socket) }

  func send(_ bytes: [UInt8]) throws(TransportFailure) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { view in
        #if canImport(Darwin)
          Darwin.send(socket, view.baseAddress, view.count, 0)
        #elseif canImport(Musl)
          Musl.send(socket, view.baseAddress, view.count, Int32(MSG_NOSIGNAL))
        #else
          Glibc.send(socket, view.baseAddress, view.count, Int32(MSG_NOSIGNAL))
        #endif
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN || errno == EWOULDBLOCK {
        try Self.wait(socket, POLLOUT, end)
      } else if errno == EPIPE || errno == ECONNRESET {
        // Who does not want to hear it all may have answered already.
        return
      } else if errno != EINTR {
        throw .broken()
      }
    }
  }

  /// Reads the answer, after those that only say that one will come.
  func answer() throws(TransportFailure) -> ServiceAnswer {
    while true {
      let status = try line().split(separator: " ", maxSplits: 2)
      guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else {
        throw .broken()
      }
      var fields: [String: String] = [:]
      while true {
        let field = try line()
        if field.isEmpty { break }
        let parts = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw .broken() }
        fields[parts[0].lowercased()] = parts[1].split(separator: " ").joined(separator: " ")
        guard fields.count <= 256 else { throw .broken() }
      }
      if 100..<200 ~= code { continue }
      return ServiceAnswer(
        status: code, retryAfter: fields["retry-after"], body: try body(code, fields))
    }
  }

  private func body(
    _ status: Int, _ fields: [String: String]
  ) throws(TransportFailure) -> [UInt8] {
    if status == 204 || status == 304 { return [] }
    if let coding = fields["transfer-encoding"] {
      guard coding.lowercased() == "chunked" else { throw .broken() }
      var body: [UInt8] = []
      while true {
        let size = try line().prefix { $0 != ";" }
        guard let count = Int(size, radix: 16), count >= 0 else { throw .broken() }
        // Trailers say nothing that is asked for.
        if count == 0 { return body }
        body += try take(count, beside: body.count)
        guard try line().isEmpty else { throw .broken() }
      }
    }
    if let length = fields["content-length"] {
      guard let count = Int(length), count >= 0 else { throw .broken() }
      return try take(count, beside: 0)
    }
    while try receive() { try limit(buffer.count - start) }
    return Array(buffer[start...])
  }

  private func limit(_ count: Int) throws(TransportFailure) {
    guard count <= ServiceAnswer.mostBytes else { throw .tooLong }
  }

  /// The next bytes of a body of which some are here already.
  private func take(_ count: Int, beside: Int) throws(TransportFailure) -> [UInt8] {
    guard count <= ServiceAnswer.mostBytes - beside else { throw .tooLong }
    while buffer.count - start < count { guard try receive() else { throw .broken() } }
    defer { start += count }
    return Array(buffer[start..<start + count])
  }

  /// The next line, without its end.
  private func line() throws(TransportFailure) -> String {
    // Counted from where the line starts: what lies before it may be let go meanwhile.
    var searched = 0
    while true {
      if let at = buffer[(start + searched)...].firstIndex(of: UInt8(ascii: "\n")) {
        let isPair = at > start && buffer[at - 1] == UInt8(ascii: "\r")
        defer { start = at + 1 }
        return String(decoding: buffer[start..<(isPair ? at - 1 : at)], as: UTF8.self)
      }
      searched = buffer.count - start
      guard buffer.count - start <= Self.mostHeadBytes, try receive() else { throw .broken() }
    }
  }

  /// Waits for more; false where the service has closed the connection.
  private func receive() throws(TransportFailure) -> Bool {
    if start == buffer.count {
      buffer.removeAll(keepingCapacity: true)
      start = 0
    }
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      try Self.wait(socket, POLLIN, end)
      let count = recv(socket, &piece, piece.count, 0)
      if count == 0 { return false }
      if count > 0 {
        buffer += piece[..<count]
        return true
      }
      guard errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK else { throw .broken() }
    }
  }

  // MARK: Sockets

  /// A name may stand for more than this machine: only what does not leave it is used.
  private static func isLoopback(_ address: addrinfo) -> Bool {
    guard let raw = UnsafeRawPointer(address.ai_addr) else { return false }
    switch address.ai_family {
    case AF_INET:
      guard address.ai_addrlen >= MemoryLayout<sockaddr_in>.size else { return false }
      let number = raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
      return UInt32(bigEndian: number) >> 24 == 127
    case AF_INET6:
      guard address.ai_addrlen >= MemoryLayout<sockaddr_in6>.size else { return false }
      var number = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      return withUnsafeBytes(of: &number) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
    default: return false
    }
  }

  private static func connected(
    _ address: addrinfo, _ end: UInt64
  ) throws(TransportFailure) -> Int32 {
    #if canImport(Glibc)
      let socket = Glibc.socket(address.ai_family, Int32(SOCK_STREAM.rawValue), 0)
    #elseif canImport(Musl)
      let socket = Musl.socket(address.ai_family, SOCK_STREAM, 0)
    #else
      let socket = Darwin.socket(address.ai_family, SOCK_STREAM, 0)
    #endif
    guard socket >= 0 else { throw .broken() }
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    #if canImport(Darwin)
      var on: Int32 = 1
      setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #endif
    do throws(TransportFailure) {
      if connect(socket, address.ai_addr, address.ai_addrlen) != 0 {
        guard errno == EINPROGRESS || errno == EINTR else { throw .broken() }
        try wait(socket, POLLOUT, end)
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code == 0 else {
          throw .broken()
        }
      }
      return socket
    } catch {
      close(socket)
      throw error
    }
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Waits until a socket can be read from or written to, or has been closed.
  private static func wait(
    _ socket: Int32, _ events: Int32, _ end: UInt64
  ) throws(TransportFailure) {
    while true {
      let now = now
      guard now < end else { throw .late }
      var item = pollfd(fd: socket, events: Int16(events), revents: 0)
      let milliseconds = min((end - now) / 1_000_000 + 1, 1 << 30)
      let count = poll(&item, 1, Int32(milliseconds))
      if count > 0 { return }
      guard count == 0 || errno == EINTR else { throw .broken() }
    }
  }
}
