extension JSONNode {
  /// The text on one line without spaces; members keep their order unless `sorted`.
  public func bytes(sorted: Bool = true) -> [UInt8] {
    var writer = JSONWriter(sorted: sorted, indented: false)
    writer.write(self, depth: 0)
    return writer.bytes
  }

  /// The text over several lines, two spaces a level, for files that people open.
  public func indentedBytes(sorted: Bool = true) -> [UInt8] {
    var writer = JSONWriter(sorted: sorted, indented: true)
    writer.write(self, depth: 0)
    return writer.bytes + [0x0a]
  }
}

private struct JSONWriter {
  let sorted: Bool
  let indented: Bool
  var bytes: [UInt8] = []

  init(sorted: Bool, indented: Bool) {
    self.sorted = sorted
    self.indented = indented
  }

  mutating func write(_ node: JSONNode, depth: Int) {
    switch node {
    case .null: write("null")
    case .bool(let value): write(value ? "true" : "false")
    case .int(let value): write(String(value))
    case .largeInt(let digits): write(digits)
    case .double(let value): write(value.isFinite ? "\(value)" : "null")
    case .string(let text): write(quoted: text)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        breakLine(depth + 1)
        write(element, depth: depth + 1)
      }
      if !elements.isEmpty { breakLine(depth) }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      let ordered =
        sorted
        ? members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        : members
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in ordered.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        breakLine(depth + 1)
        write(quoted: member.name)
        write(indented ? ": " : ":")
        write(member.value, depth: depth + 1)
      }
      if !ordered.isEmpty { breakLine(depth) }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private mutating func breakLine(_ depth: Int) {
    guard indented else { return }
    bytes.append(0x0a)
    bytes.append(contentsOf: repeatElement(0x20, count: 2 * depth))
  }

  private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func write(quoted text: String) {
    bytes.append(UInt8(ascii: "\""))
    for unit in text.utf8 {
      switch unit {
      case UInt8(ascii: "\""): write("\\\"")
      case UInt8(ascii: "\\"): write("\\\\")
      case 0x0a: write("\\n")
      case 0x0d: write("\\r")
      case 0x09: write("\\t")
      case 0..<0x20:
        let digits = String(unit, radix: 16)
        write("\\u00" + (digits.count == 1 ? "0" : "") + digits)
      default: bytes.append(unit)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
