#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads from and writes to one client, each within a time.
final class Connection {
  private let socket: Int32
  /// What came and was not used yet.
  private var buffer: [UInt8] = []
  let limits: HTTPLimits
  /// Whether a request was read already.
  var hasServed = false

  init(socket: Int32, limits: HTTPLimits) {
    self.socket = socket
    self.limits = limits
    var on: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(socket) }

  // MARK: Requests

  /// Reads the next request.
  /// - Parameter mayWait: whether to go on waiting for its first byte; asked now and then.
  /// - Throws: `HTTPError`; `closed` where the client is done.
  func request(mayWait: () -> Bool) throws(HTTPError) -> HTTPRequest {
    try waitForFirstByte(mayWait)
    let headEnd = Self.now + limits.headSeconds
    var searched = 0
    var end: (head: Int, body: Int)?
    while end == nil {
      end = Self.headEnd(in: buffer, from: searched)
      if end != nil { break }
      searched = max(0, buffer.count - 3)
      guard buffer.count <= limits.headBytes else { throw .headerTooLarge }
      try receive(until: headEnd)
    }
    guard let end else { throw .closed }
    guard end.head <= limits.headBytes else { throw .headerTooLarge }
    var request = try HTTPRequest(head: buffer[..<end.head])
    buffer.removeFirst(end.body)
    request.body = try body(of: request)
    return request
  }

  private func waitForFirstByte(_ mayWait: () -> Bool) throws(HTTPError) {
    let end = Self.now + (hasServed ? limits.idleSeconds : limits.headSeconds)
    while true {
      // Empty lines before a request are passed over, as RFC 9112 asks: they begin none.
      let empty = buffer.prefix { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }.count
      buffer.removeFirst(empty)
      guard buffer.isEmpty else { return }
      guard mayWait(), Self.now < end else { throw .closed }
      if ready(POLLIN, seconds: min(0.25, end - Self.now)) { try receive(until: Self.now + 1) }
    }
  }

  /// Where the head ends and what follows it begins.
  private static func headEnd(in bytes: [UInt8], from start: Int) -> (head: Int, body: Int)? {
    var at = start
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "\n") {
        if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "\n") { return (at, at + 2) }
        if at + 2 < bytes.count, bytes[at + 1] == UInt8(ascii: "\r"),
          bytes[at + 2] == UInt8(ascii: "\n")
        {
          return (at, at + 3)
        }
      }
      at += 1
    }
    return nil
  }

  private func body(of request: HTTPRequest) throws(HTTPError) -> [UInt8] {
    let end = Self.now + limits.bodySeconds
    if let encoding = request.header("transfer-encoding") {
      guard request.header("content-length") == nil else {
        throw .malformed("a length and an encoding at once")
      }
      guard encoding.lowercased() == "chunked" else { throw .unsupported("encoding \(encoding)") }
      try invite(request)
      return try chunks(until: end)
    }
    guard let field = request.header("content-length") else { return [] }
    guard !field.isEmpty, field.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw .malformed("Content-Length")
    }
    // Digits that are no Int are too many.
    guard let length = Int(field), length <= limits.bodyBytes else {
      throw .bodyTooLarge(limit: limits.bodyBytes)
    }
    if length > 0 { try invite(request) }
    while buffer.count < length { try receive(until: end) }
    defer { buffer.removeFirst(length) }
    return Array(buffer[..<length])
  }

  /// Says that the body may come, to a client that waits to hear it.
  private func invite(_ request: HTTPRequest) throws(HTTPError) {
    guard request.isCurrent else { return }
    if request.header("expect")?.lowercased() == "100-continue", buffer.isEmpty {
      try write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }
  }

  private func chunks(until end: Double) throws(HTTPError) -> [UInt8] {
    var body: [UInt8] = []
    while true {
      let line = try line(until: end)
      let digits = line.prefix { $0 != UInt8(ascii: ";") }
      let text = String(decoding: digits, as: UTF8.self).filter { $0 != " " && $0 != "\t" }
      guard !text.isEmpty, text.utf8.count <= 15, text.allSatisfy(\.isHexDigit),
        let size = Int(text, radix: 16)
      else { throw .malformed("the size of a chunk") }
      if size == 0 {
        // Trailers are read and passed over.
        var left = limits.headBytes
        while true {
          let trailer = try self.line(until: end)
          if trailer.isEmpty { return body }
          left -= trailer.count
          guard left > 0 else { throw .headerTooLarge }
        }
      }
      guard size <= limits.bodyBytes - body.count else {
        throw .bodyTooLarge(limit: limits.bodyBytes)
      }
      while buffer.count < size { try receive(until: end) }
      body += buffer[..<size]
      buffer.removeFirst(size)
      guard try self.line(until: end).isEmpty else { throw .malformed("the end of a chunk") }
    }
  }

  private func line(until end: Double) throws(HTTPError) -> [UInt8] {
    while true {
      if let at = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        var line = Array(buffer[..<at])
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        buffer.removeFirst(at + 1)
        return line
      }
      guard buffer.count <= limits.headBytes else { throw .headerTooLarge }
      try receive(until: end)
    }
  }

  // MARK: Bytes

  /// Takes what has come, waiting for some until a time.
  private func receive(until end: Double) throws(HTTPError) {
    guard ready(POLLIN, seconds: end - Self.now) else { throw .tooSlow }
    var piece = [UInt8](repeating: 0, count: 16384)
    let count = recv(socket, &piece, piece.count, 0)
    if count < 0, errno == EINTR || errno == EAGAIN { return }
    guard count > 0 else { throw .closed }
    buffer += piece[..<count]
  }

  /// Writes bytes, all of them.
  /// - Throws: `closed` or `tooSlow` for a client that does not take them.
  func write(_ bytes: [UInt8]) throws(HTTPError) {
    let end = Self.now + limits.writeSeconds
    var sent = 0
    while sent < bytes.count {
      guard ready(POLLOUT, seconds: end - Self.now) else { throw .tooSlow }
      let count = bytes[sent...].withUnsafeBytes { rest in
        #if canImport(Darwin)
          send(socket, rest.baseAddress, rest.count, MSG_DONTWAIT)
        #else
          send(socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        #endif
      }
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { throw .closed }
      sent += count
    }
  }

  /// Whether the client is still there, as far as can be seen. One that has only closed its own side
  /// counts as gone, as with most servers: until something is written both look the same.
  var isOpen: Bool {
    guard ready(POLLIN, seconds: 0) else { return true }
    var byte: UInt8 = 0
    let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
  }

  /// Ends the connection in a way that lets the client read what was written: what it still sends is
  /// taken for a moment, for a close with unread bytes would throw the answer away.
  func finish() {
    shutdown(socket, Int32(SHUT_WR))
    let end = Self.now + 1
    var piece = [UInt8](repeating: 0, count: 16384)
    var left = 4 << 20
    while left > 0, ready(POLLIN, seconds: end - Self.now) {
      let count = recv(socket, &piece, piece.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return }
      left -= count
    }
  }

  private func ready(_ events: Int32, seconds: Double) -> Bool {
    var poll = pollfd(fd: socket, events: Int16(events), revents: 0)
    let milliseconds = Int32(max(0, min(seconds, 3600)) * 1000)
    #if canImport(Darwin)
      return Darwin.poll(&poll, 1, milliseconds) > 0
    #elseif canImport(Musl)
      return Musl.poll(&poll, 1, milliseconds) > 0
    #else
      return Glibc.poll(&poll, 1, milliseconds) > 0
    #endif
  }

  /// Seconds that only go up.
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
