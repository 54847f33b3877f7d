import Bytes

/// Names records that come without a name of their own.
enum RecordName {
  /// A name that depends on the text alone, so that lines may come and go around it.
  static func of(_ text: String) -> String { "text-" + Digest(of: text).short }
}
