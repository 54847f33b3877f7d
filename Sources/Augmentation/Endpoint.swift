import Foundation

/// Stores the address of a service that speaks the OpenAI HTTP API.
public struct Endpoint: Equatable, Sendable {
  /// The address that chat requests are posted to.
  let chat: URL
  /// The name or number of the machine.
  public let host: String

  /// Reads a base address such as `http://127.0.0.1:8080/v1`, or that of the chat resource itself.
  /// - Throws: `TeacherError.address` if it is none.
  public init(_ text: String) throws(TeacherError) {
    var address = text
    while address.hasSuffix("/") { address.removeLast() }
    if !address.hasSuffix("/chat/completions") { address += "/chat/completions" }
    guard let parts = URLComponents(string: address), let url = parts.url,
      parts.scheme == "http" || parts.scheme == "https", let host = parts.host, !host.isEmpty
    else { throw .address(Self.withoutUser(text)) }
    guard parts.user == nil, parts.password == nil else {
      throw .secretInAddress(Self.withoutUser(text))
    }
    chat = url
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
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
