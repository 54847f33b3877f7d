public import Bytes

extension JSON {
  /// Reads a plain YAML or command-line word: a truth value, a number, else a text.
  package init(plain text: String) {
    if text == "true" || text == "false" {
      self = .bool(text == "true")
    } else if let value = Int(text) {
      self = .int(value)
    } else if Self.looksNumeric(text), let value = Double(text), value.isFinite {
      self = .double(value)
    } else {
      self = .string(text)
    }
  }

  /// Keeps words such as `nan`, `inf` and `e5` texts.
  private static func looksNumeric(_ text: String) -> Bool {
    guard let first = text.utf8.first(where: { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") })
    else { return false }
    return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) || first == UInt8(ascii: ".")
  }

  /// A text as it is, anything else as JSON: the way a stage's command line takes values.
  public var plain: String { stringValue ?? text }
}
