/// Stores the thresholds of the filter.
public struct FilterOptions: Equatable, Sendable {
  /// The shortest length, as a share of the user's 5th percentile in characters.
  public var shortest = 0.5
  /// The longest length, as a multiple of the user's 95th percentile in characters.
  public var longest = 1.5
  /// The share of a text's word sequences that may repeat within it.
  public var repetition = 0.3
  /// How much of a sample may be in one record of the history.
  public var historyOverlap = 0.4
  /// How much of a sample may be in the test.
  public var testOverlap = 0.1
  /// How much of a sample may be in one accepted before.
  public var sampleOverlap = 0.4
  /// Of short texts: the ROUGE-L F-measure with another that makes them near duplicates.
  public var likeness = 0.7
  /// How far from the user's manner, as a multiple of the 95th percentile of the user's own texts.
  public var styleDistance = 1.25

  public init() {}
}
