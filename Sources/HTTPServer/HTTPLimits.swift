/// Bounds what clients may cost.
public struct HTTPLimits: Sendable {
  public var headBytes = 16 << 10
  public var bodyBytes = 1 << 20
  /// Connections at once; those beyond wait until one ends, in the system's queue.
  public var connections = 256
  /// Seconds for a request's head, for its body, and for a client to take a part of an answer.
  public var headSeconds = 10.0
  public var bodySeconds = 30.0
  public var writeSeconds = 30.0
  /// Seconds between two requests on one connection.
  public var idleSeconds = 60.0

  public init() {}
}
