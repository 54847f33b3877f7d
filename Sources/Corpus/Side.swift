/// Says what a record is for.
public enum Side: String, Codable, Sendable, CaseIterable {
  /// To learn from.
  case history
  /// To decide by: gates, thresholds, when to stop.
  case validation
  /// To measure with, once, at the end.
  case test
}
