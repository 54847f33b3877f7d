/// Reads and writes `records.jsonl`: one record a line, keys in order.
public enum RecordFile {
  /// Writes records as lines of JSON.
  public static func encode(_ records: [Record]) throws(CorpusError) -> [UInt8] {
    try JSONLines.encode(records)
  }

  /// Reads lines of JSON; blank lines are passed over.
  /// - Throws: `CorpusError.line` for a line that is no record.
  public static func decode(_ bytes: some Collection<UInt8>) throws(CorpusError) -> [Record] {
    try JSONLines.decode(Record.self, from: bytes)
  }
}
