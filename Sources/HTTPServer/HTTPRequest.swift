/// Stores one request as it was read.
public struct HTTPRequest: Sendable {
  public var method: String
  /// The path without the query.
  public var path: String
  /// Names in lower case; values of one name are joined by commas.
  public var headers: [String: String]
  public var body: [UInt8] = []
  /// Whether the client wants the connection kept.
  var keepsAlive: Bool
  /// Whether the client knows chunks and interim answers: HTTP/1.0 does not.
  var isCurrent: Bool

  public func header(_ name: String) -> String? { headers[name] }
}

/// Says why bytes are no request this server takes, with the status that says so.
public enum HTTPError: Error, Equatable, Sendable {
  case malformed(String)
  case headerTooLarge
  case bodyTooLarge(limit: Int)
  case tooSlow
  case unsupported(String)
  /// The client went away, or said nothing more: there is nobody to answer.
  case closed

  public var status: Int {
    switch self {
    case .malformed: 400
    case .headerTooLarge: 431
    case .bodyTooLarge: 413
    case .tooSlow: 408
    case .unsupported: 501
    case .closed: 499
    }
  }

  public var message: String {
    switch self {
    case .malformed(let what): "The request is not HTTP: \(what)."
    case .headerTooLarge: "The request's header is too large."
    case .bodyTooLarge(let limit): "The request's body is larger than \(limit) bytes."
    case .tooSlow: "The request took too long to arrive."
    case .unsupported(let what): "This server does not do \(what)."
    case .closed: "The connection is closed."
    }
  }
}

extension HTTPRequest {
  /// Reads the head of a request (RFC 9112): the request line and the headers, without the empty
  /// line behind them.
  init(head: ArraySlice<UInt8>) throws(HTTPError) {
    guard let text = String(validating: head, as: UTF8.self) else {
      throw .malformed("the header is not UTF-8")
    }
    // A bare line feed ends a line too; "\r\n" is one Character, so lines are cut by bytes.
    var lines: [Substring] = []
    for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      var line = Substring(line)
      if line.utf8.last == UInt8(ascii: "\r") { line = Substring(line.utf8.dropLast()) }
      lines.append(line)
    }
    let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, Self.isToken(words[0]), let target = Self.Target(words[1]),
      let path = Self.path(of: target.path)
    else { throw .malformed("the request line") }
    guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
      throw words[2].hasPrefix("HTTP/") ? .unsupported("\(words[2])") : .malformed("the version")
    }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() where !line.isEmpty {
      guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")),
        Self.isToken(line[..<colon])
      else { throw .malformed("a header line") }
      let name = line[..<colon].lowercased()
      let value = line[line.utf8.index(after: colon)...]
      let trimmed = String(value.trimmed)
      guard !trimmed.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) else {
        throw .malformed("a control character in \(name)")
      }
      // Two lengths, or two hosts, are how requests are smuggled past each other.
      if headers[name] != nil, ["content-length", "host", "transfer-encoding"].contains(name) {
        throw .malformed("\(name) twice")
      }
      headers[name] = headers[name].map { "\($0), \(trimmed)" } ?? trimmed
    }
    isCurrent = words[2] == "HTTP/1.1"
    if isCurrent, headers["host"] == nil { throw .malformed("no Host") }
    if let authority = target.authority { headers["host"] = authority }
    method = String(words[0])
    self.path = path
    self.headers = headers
    let connection = (headers["connection"] ?? "").lowercased()
    keepsAlive =
      isCurrent ? !connection.contains("close") : connection.contains("keep-alive")
  }

  private static func isToken(_ text: some StringProtocol) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        $0 > 0x20 && $0 < 0x7f && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0)
      }
  }

  /// Stores what a request is sent to: a path, or a whole address, whose host then counts in place
  /// of the Host header (RFC 9112, 3.2.2).
  private struct Target {
    var authority: String?
    var path: Substring

    init?(_ text: Substring) {
      path = text
      guard !text.hasPrefix("/") else { return }
      let scheme = ["http://", "https://"].first { text.lowercased().hasPrefix($0) }
      guard let scheme else { return nil }
      let rest = text.dropFirst(scheme.count)
      let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
      // Whoever names a user in front of the host wants another host read than is meant.
      guard !host.isEmpty, !host.contains("@") else { return nil }
      authority = String(host)
      path = rest[host.endIndex...]
      if !path.hasPrefix("/") { path = "/" + path }
    }
  }

  /// The path of a request's target, percent signs decoded; nil for what is no path.
  private static func path(of target: Substring) -> String? {
    let encoded = target.prefix { $0 != "?" && $0 != "#" }
    var bytes: [UInt8] = []
    var rest = Array(encoded.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2,
        let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      else { return nil }
      rest = rest.dropFirst(2)
      bytes.append(code)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension Substring {
  /// Without spaces and tabs at the ends.
  fileprivate var trimmed: Substring {
    var text = self
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }
}
