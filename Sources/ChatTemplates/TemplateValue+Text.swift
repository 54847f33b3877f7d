extension TemplateValue {
  /// What is written where the value is printed.
  var text: String {
    switch self {
    case .undefined: ""
    case .string(let text): text
    default: representation
    }
  }

  /// The value as Python's `repr` writes it.
  var representation: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): String(value)
    case .largeInt(let digits): digits
    case .double(let value): Self.text(of: value)
    case .string(let text): Self.quoted(text)
    case .list(let elements):
      "[" + elements.map(\.representation).joined(separator: ", ") + "]"
    case .tuple(let elements):
      "(" + elements.map(\.representation).joined(separator: ", ")
        + (elements.count == 1 ? ",)" : ")")
    case .dictionary(let dictionary):
      "{"
        + dictionary.entries.map { "\($0.key.representation): \($0.value.representation)" }
        .joined(separator: ", ") + "}"
    case .namespace, .loop, .macro, .function: ""
    }
  }

  /// Whether printing it would show what only Python could.
  var isPrintable: Bool {
    switch self {
    case .namespace, .loop, .macro, .function: false
    case .list(let elements), .tuple(let elements):
      elements.allSatisfy { $0.isPrintable && !$0.isUndefined }
    case .dictionary(let dictionary):
      dictionary.entries.allSatisfy { $0.value.isPrintable && !$0.value.isUndefined }
    default: true
    }
  }

  /// A number as Python writes it: the shortest digits, exponents from 1e16 and below 1e-4.
  static func text(of value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let text = "\(value)"
    let parts = text.split(separator: "e", maxSplits: 1)
    guard parts.count == 2, let exponent = Int(parts[1]) else { return text }
    // Swift writes 1e-05 as 1e-05 and 1e+16 as 1e+16, as Python does, but keeps ".0" before it.
    let digits = parts[0].hasSuffix(".0") ? parts[0].dropLast(2) : parts[0]
    let size = abs(exponent)
    return digits + "e" + (exponent < 0 ? "-" : "+") + (size < 10 ? "0" : "") + String(size)
  }

  /// A text in quotes as Python shows it: single ones unless only those are in it.
  private static func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars
    let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
    var result = String.UnicodeScalarView()
    result.append(quote)
    for scalar in scalars {
      switch scalar {
      case quote, "\\":
        result.append("\\")
        result.append(scalar)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\r": result.append(contentsOf: "\\r".unicodeScalars)
      case "\t": result.append(contentsOf: "\\t".unicodeScalars)
      default:
        if Text.isPrintable(scalar) {
          result.append(scalar)
        } else {
          let digits = String(scalar.value, radix: 16)
          let (mark, count) =
            scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
          let zeros = String(repeating: "0", count: count - digits.utf8.count)
          result.append(contentsOf: ("\\" + mark + zeros + digits).unicodeScalars)
        }
      }
    }
    result.append(quote)
    return String(result)
  }

  /// The value as `tojson` writes it, which in Hugging Face's templates escapes no characters.
  func json(indent: Int?, depth: Int = 0) -> String? {
    func lines(_ open: String, _ parts: [String], _ close: String) -> String {
      guard !parts.isEmpty else { return open + close }
      guard let indent else { return open + parts.joined(separator: ", ") + close }
      let inner = "\n" + String(repeating: " ", count: indent * (depth + 1))
      return open + inner + parts.joined(separator: "," + inner) + "\n"
        + String(repeating: " ", count: indent * depth) + close
    }
    switch self {
    case .none: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return String(value)
    case .largeInt(let digits): return digits
    case .double(let value):
      guard value.isFinite else {
        return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
      }
      return Self.text(of: value)
    case .string(let text): return Self.jsonQuoted(text)
    case .list(let elements), .tuple(let elements):
      var parts: [String] = []
      for element in elements {
        guard let part = element.json(indent: indent, depth: depth + 1) else { return nil }
        parts.append(part)
      }
      return lines("[", parts, "]")
    case .dictionary(let dictionary):
      var parts: [String] = []
      for (key, value) in dictionary.entries {
        guard let value = value.json(indent: indent, depth: depth + 1) else { return nil }
        let name: String
        switch key {
        case .string(let text): name = text
        case .none, .bool, .int, .largeInt, .double: name = key.json(indent: nil) ?? ""
        default: return nil
        }
        parts.append(Self.jsonQuoted(name) + ": " + value)
      }
      return lines("{", parts, "}")
    case .undefined, .namespace, .loop, .macro, .function: return nil
    }
  }

  private static func jsonQuoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{c}": result += "\\f"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}
