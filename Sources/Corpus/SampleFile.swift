/// Reads and writes `samples.jsonl`: one sample a line, keys in order.
public enum SampleFile {
  /// Writes samples as lines of JSON.
  public static func encode(_ samples: [Sample]) throws(CorpusError) -> [UInt8] {
    try JSONLines.encode(samples)
  }

  /// Reads lines of JSON; blank lines are passed over.
  /// - Throws: `CorpusError.line` for a line that is no sample.
  public static func decode(_ bytes: some Collection<UInt8>) throws(CorpusError) -> [Sample] {
    try JSONLines.decode(Sample.self, from: bytes)
  }
}
