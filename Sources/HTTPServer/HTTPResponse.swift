/// Answers one request: all at once, or in parts as they come.
public final class HTTPResponse {
  private let connection: Connection
  /// Whether the connection is kept for another request.
  private(set) var keepsAlive: Bool
  /// Whether the client asked for the head alone.
  private let isHeadOnly: Bool
  /// Whether parts are sent as chunks; else the end of the connection ends an answer in parts.
  private let isChunked: Bool
  private(set) var hasBegun = false
  private(set) var hasEnded = false
  private var isStream = false
  /// The status that was sent; 0 before.
  public private(set) var status = 0

  /// - Parameter request: what is answered; nil for what was no request.
  init(_ connection: Connection, to request: HTTPRequest?, keepsAlive: Bool) {
    self.connection = connection
    self.keepsAlive = keepsAlive
    isHeadOnly = request?.method == "HEAD"
    isChunked = request?.isCurrent ?? true
  }

  /// Sends a whole answer.
  public func send(
    status: Int, type: String, body: [UInt8], headers: [(String, String)] = []
  ) throws(HTTPError) {
    let head = head(status, type, headers + [("Content-Length", "\(body.count)")])
    hasBegun = true
    hasEnded = true
    try connection.write(isHeadOnly ? head : head + body)
  }

  /// Begins an answer that comes in parts.
  public func begin(status: Int, type: String) throws(HTTPError) {
    hasBegun = true
    isStream = true
    var headers = [("Cache-Control", "no-cache")]
    if isChunked { headers.append(("Transfer-Encoding", "chunked")) } else { keepsAlive = false }
    try connection.write(head(status, type, headers))
  }

  /// Sends a part.
  public func part(_ bytes: [UInt8]) throws(HTTPError) {
    guard !bytes.isEmpty, !isHeadOnly else { return }
    try connection.write(
      isChunked
        ? Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
        : bytes)
  }

  /// Ends an answer in parts.
  public func end() throws(HTTPError) {
    guard isStream, !hasEnded else { return }
    hasEnded = true
    if isChunked, !isHeadOnly { try connection.write(Array("0\r\n\r\n".utf8)) }
  }

  /// Whether the client still waits, as far as can be seen.
  public var isAwaited: Bool { connection.isOpen }

  private func head(_ status: Int, _ type: String, _ headers: [(String, String)]) -> [UInt8] {
    self.status = status
    var text = "HTTP/1.1 \(status) \(Self.reason(status))\r\nContent-Type: \(type)\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    text += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
    return Array(text.utf8)
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 413: "Content Too Large"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    default: "Status"
    }
  }
}
