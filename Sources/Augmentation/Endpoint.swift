import Foundation

/// Stores the address of a service that speaks the OpenAI HTTP API.
public struct Endpoint: Equatable, Sendable {
  /// The address that chat requests are posted to.
  let chat: URL
  /// The name or number of the machine.
  public let host: String
  /// `http` or `https`.
  let scheme: String
  let port: Int
  /// Host and port as a request's `Host` has them.
  let authority: String
  /// Path and query as a request's first line has them.
  let target: String

  /// Reads a base address such as `http://127.0.0.1:8080/v1`, or that of the chat resource itself.
  /// - Throws: `TeacherError.address` if it is none, `.secretInAddress` if it holds a secret.
  public init(_ text: String) throws(TeacherError) {
    guard var parts = URLComponents(string: text),
      let scheme = parts.scheme?.lowercased(), scheme == "http" || scheme == "https",
      let host = parts.host, !host.isEmpty
    else { throw .address(Self.withoutUser(text)) }
    guard parts.user == nil, parts.password == nil else {
      throw .secretInAddress(Self.withoutUser(text))
    }
    // Where a service wants its version in the address (`?api-version=…`), that is no secret.
    let secrets = ["key", "token", "secret", "password", "sig"]
    for item in parts.queryItems ?? []
    where secrets.contains(where: item.name.lowercased().contains) {
      throw .secretInAddress("…?\(item.name)=…")
    }
    var path = parts.path
    while path.hasSuffix("/") { path.removeLast() }
    parts.path = path.hasSuffix("/chat/completions") ? path : path + "/chat/completions"
    parts.scheme = scheme
    parts.fragment = nil
    guard let url = parts.url, (parts.port ?? 80) <= 65535 else {
      throw .address(Self.withoutUser(text))
    }
    chat = url
    self.scheme = scheme
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    self.host = bare
    port = parts.port ?? (scheme == "http" ? 80 : 443)
    authority = (bare.contains(":") ? "[\(bare)]" : bare) + (parts.port.map { ":\($0)" } ?? "")
    target = parts.percentEncodedPath + (parts.percentEncodedQuery.map { "?" + $0 } ?? "")
  }

  /// An address without what stands before its last @, which may be a password.
  private static func withoutUser(_ text: String) -> String {
    text.lastIndex(of: "@").map { "…" + text[$0...] } ?? text
  }

  /// Whether what is sent there stays on this machine.
  public var isLoopback: Bool {
    let name = host.lowercased()
    if name == "localhost" || name == "::1" { return true }
    let numbers = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
  }
}
