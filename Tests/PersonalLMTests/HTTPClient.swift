import Bytes
import Foundation

/// Speaks HTTP over a socket, as plainly as can be: what is sent is what is written here.
struct HTTPClient {
  let port: Int

  struct Answer {
    var status = 0
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var json: JSON { (try? JSON(parsing: body)) ?? .null }
    var text: String { String(decoding: body, as: UTF8.self) }
    /// The events of a stream, without the last, which says that it is done.
    var events: [JSON] {
      text.components(separatedBy: "\n\n").compactMap { event in
        guard event.hasPrefix("data: ") else { return nil }
        return try? JSON(parsing: String(event.dropFirst(6)))
      }
    }
  }

  func connect() -> Int32 {
    #if canImport(Glibc)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      return -1
    }
    var time = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    return descriptor
  }

  /// Sends bytes and reads one answer.
  func raw(_ bytes: [UInt8]) -> Answer {
    let descriptor = connect()
    guard descriptor >= 0 else { return Answer() }
    defer { close(descriptor) }
    send(bytes, on: descriptor)
    return read(descriptor)
  }

  func send(_ bytes: [UInt8], on descriptor: Int32) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func raw(_ text: String) -> Answer { raw(Array(text.utf8)) }

  static func request(
    _ method: String, _ path: String, _ body: JSON?, _ headers: [String: String] = [:]
  ) -> [UInt8] {
    var fields = ["Host": "127.0.0.1"].merging(headers) { _, new in new }
    let bytes = body?.bytes ?? []
    if body != nil {
      fields["Content-Length"] = "\(bytes.count)"
      fields["Content-Type"] = "application/json"
    }
    let head = fields.map { "\($0.key): \($0.value)\r\n" }.sorted().joined()
    return Array("\(method) \(path) HTTP/1.1\r\n\(head)\r\n".utf8) + bytes
  }

  func get(_ path: String, _ headers: [String: String] = [:]) -> Answer {
    raw(Self.request("GET", path, nil, headers))
  }

  func post(_ path: String, _ body: JSON, _ headers: [String: String] = [:]) -> Answer {
    raw(Self.request("POST", path, body, headers))
  }

  /// Reads one answer, of known length or in chunks.
  func read(_ descriptor: Int32) -> Answer {
    var bytes: [UInt8] = []
    func more() -> Bool {
      var piece = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &piece, piece.count, 0)
      guard count > 0 else { return false }
      bytes += piece[..<count]
      return true
    }
    func line() -> String? {
      while true {
        if let end = bytes.firstIndex(of: 10) {
          var line = String(decoding: bytes[..<end], as: UTF8.self)
          if line.unicodeScalars.last == "\r" { line.unicodeScalars.removeLast() }
          bytes.removeFirst(end + 1)
          return line
        }
        guard more() else { return nil }
      }
    }
    func take(_ count: Int) -> [UInt8] {
      while bytes.count < count, more() {}
      let taken = Array(bytes.prefix(count))
      bytes.removeFirst(taken.count)
      return taken
    }
    var answer = Answer()
    repeat {
      guard let status = line() else { return answer }
      answer.status = status.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      while let field = line(), !field.isEmpty {
        let parts = field.split(separator: ":", maxSplits: 1)
        answer.headers[parts[0].lowercased()] =
          parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
      }
    } while answer.status == 100
    if let length = answer.headers["content-length"].flatMap({ Int($0) }) {
      answer.body = take(length)
    } else if answer.headers["transfer-encoding"] == "chunked" {
      while let size = line().flatMap({ Int($0, radix: 16) }), size > 0 {
        answer.body += take(size)
        _ = line()
      }
    } else {
      // As HTTP/1.0 has it: the end of the connection ends the body.
      while more() {}
      answer.body = bytes
    }
    return answer
  }
}
