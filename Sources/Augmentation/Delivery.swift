/// Stores how requests are sent; none of it can change a reply.
public struct Delivery: Sendable {
  /// How many requests are under way at once.
  public var concurrency: Int
  /// Seconds until a request without an answer is given up.
  public var timeout: Double
  /// How often a request is sent again after a rate limit, a server's error or a broken connection.
  public var retries: Int
  /// Seconds before the first repetition; doubled each time, up to a minute.
  public var pause: Double

  public init(concurrency: Int = 4, timeout: Double = 120, retries: Int = 5, pause: Double = 1) {
    self.concurrency = max(1, concurrency)
    self.timeout = timeout
    self.retries = max(0, retries)
    self.pause = pause
  }
}
