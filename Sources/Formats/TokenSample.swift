/// Stores one training sample: ids, and the same ids or −100 as labels.
public struct TokenSample: Equatable, Sendable {
  /// The label of a token that carries no loss.
  public static let unlabelled: Int32 = -100

  public var ids: [Int32]
  public var labels: [Int32]
  /// The id of the record or sample it comes from.
  public var record: String
  /// The UTF-8 bytes of the text whose tokens carry loss, for bits per byte.
  public var labelledBytes: Int

  public init(ids: [Int32], labels: [Int32], record: String = "", labelledBytes: Int = 0) {
    self.ids = ids
    self.labels = labels
    self.record = record
    self.labelledBytes = labelledBytes
  }

  /// The positions that carry loss: the first label never counts.
  public var lossCount: Int { labels.dropFirst().count { $0 != Self.unlabelled } }
}
