extension JSON: CustomStringConvertible {
  /// The canonical text, on one line.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The canonical text's UTF-8.
  public var bytes: [UInt8] {
    var out: [UInt8] = []
    write(to: &out)
    return out
  }

  public var description: String { text }

  private func write(to out: inout [UInt8]) {
    switch self {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .int(let value): out += String(value).utf8
    case .double(let value): out += Self.text(of: value).utf8
    case .string(let value): Self.write(value, to: &out)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        element.write(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      out.append(UInt8(ascii: "{"))
      for (index, member) in sorted.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        Self.write(member.key, to: &out)
        out.append(UInt8(ascii: ":"))
        member.value.write(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  /// JSON knows no infinity and no NaN: they become null.
  private static func text(of value: Double) -> String {
    guard value.isFinite else { return "null" }
    if value.magnitude < 0x1p53, let whole = Int(exactly: value), value.sign == .plus || whole != 0
    {
      return String(whole)
    }
    return value.description
  }

  private static func write(_ text: String, to out: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    out.append(UInt8(ascii: "\""))
    for unit in text.utf8 {
      switch unit {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), unit]
      case 0x08: out += "\\b".utf8
      case 0x09: out += "\\t".utf8
      case 0x0a: out += "\\n".utf8
      case 0x0c: out += "\\f".utf8
      case 0x0d: out += "\\r".utf8
      case 0..<0x20: out += "\\u00".utf8 + [digits[Int(unit >> 4)], digits[Int(unit & 15)]]
      default: out.append(unit)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
