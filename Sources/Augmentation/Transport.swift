/// Carries a request to a service, and brings its answer back.
protocol Transport: Sendable {
  /// Posts a body of JSON once.
  /// - Parameters:
  ///   - key: goes into the header `Authorization`, if there is one.
  ///   - seconds: until the whole answer has to be here.
  func post(
    _ body: [UInt8], to endpoint: Endpoint, key: String?, seconds: Double
  ) async throws(TransportFailure) -> ServiceAnswer
}

/// Stores what a service answered.
struct ServiceAnswer: Sendable {
  /// More of a body than this is no reply, whatever it is.
  static let mostBytes = 16 << 20

  var status: Int
  /// The header `Retry-After`.
  var retryAfter: String?
  var body: [UInt8]
}

/// Says why there was no answer.
enum TransportFailure: Error {
  case late
  /// - Parameter reason: in the system's words; empty where there is nothing to add.
  case broken(reason: String = "")
  case tooLong
}
