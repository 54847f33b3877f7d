extension TemplateRenderer {
  /// Applies a filter: `value | name(…)`.
  mutating func filter(
    _ name: String, _ value: TemplateValue, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    try count(line: line)
    let result = try filtered(name, value, call, line: line)
    try account(result, line: line)
    return result
  }

  private mutating func filtered(
    _ name: String, _ value: TemplateValue, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    func wrong() -> TemplateError {
      .wrongType(operation: "| \(name)", found: value.kind, line: line)
    }
    func allow(_ names: String...) throws(TemplateError) {
      guard call.plain.count <= names.count, call.named.keys.allSatisfy(names.contains) else {
        throw .unsupported(construct: "| \(name) with these arguments", line: line)
      }
    }
    func elements() throws(TemplateError) -> [TemplateValue] {
      guard let elements = try Self.elements(of: value, line: line) else { throw wrong() }
      return elements
    }
    /// What is printed for the value, as filters on texts take it.
    func text() throws(TemplateError) -> String {
      guard value.isPrintable else { throw wrong() }
      return value.text
    }
    switch name {
    case "trim":
      try allow("chars")
      guard let characters = call.argument(0, "chars") else {
        return .string(Text.trimmed(try text()))
      }
      guard case .string(let characters) = characters else { throw wrong() }
      return .string(Text.trimmed(try text(), characters))
    case "title":
      try allow()
      return .string(Text.wordsCapitalized(try text()))
    case "upper", "lower", "capitalize":
      try allow()
      return .string(Self.cased(try text(), name))
    case "string":
      try allow()
      return .string(try text())
    case "length", "count":
      try allow()
      if case .string(let text) = value { return .int(text.unicodeScalars.count) }
      return .int(try elements().count)
    case "first", "last":
      try allow()
      let all = try elements()
      return (name == "first" ? all.first : all.last) ?? .undefined("the \(name) of nothing")
    case "list":
      try allow()
      return .list(try elements())
    case "reverse":
      try allow()
      if case .string(let text) = value {
        return .string(Text.string(text.unicodeScalars.reversed()))
      }
      return .list(try elements().reversed())
    case "join":
      try allow("d", "attribute")
      guard call.argument(1, "attribute") == nil else {
        throw .unsupported(construct: "| join by attribute", line: line)
      }
      let all = try elements()
      guard all.allSatisfy(\.isPrintable) else { throw wrong() }
      return .string(
        try Self.joined(all.map(\.text), by: call.argument(0, "d")?.text ?? "", line: line))
    case "default", "d":
      try allow("default_value", "boolean")
      let isMissing =
        value.isUndefined || (call.argument(1, "boolean")?.isTrue == true && !value.isTrue)
      return isMissing ? call.argument(0, "default_value") ?? .string("") : value
    case "tojson":
      try allow("indent", "ensure_ascii", "separators", "sort_keys")
      for other in ["ensure_ascii", "sort_keys"] where call.named[other]?.isTrue == true {
        throw .unsupported(construct: "| tojson(\(other)=true)", line: line)
      }
      guard call.plain.count <= 1, call.named["separators"] == nil else {
        throw .unsupported(construct: "| tojson with separators", line: line)
      }
      let indent = call.argument(0, "indent")
      let width = indent?.int
      if let indent, width == nil {
        guard case .none = indent else { throw wrong() }
      }
      guard (0...16).contains(width ?? 0) else { throw wrong() }
      if let width {
        // Every element may stand on a line of its own, as far in as it lies deep.
        let extent = try Self.extent(of: value, line: line)
        try Self.expect(extent.bytes / Self.elementBytes * width * extent.depth, line: line)
      }
      guard let json = value.json(indent: width) else { throw wrong() }
      return .string(json)
    case "replace":
      try allow("old", "new", "count")
      guard let old = call.argument(0, "old"), let new = call.argument(1, "new"),
        !old.text.isEmpty
      else { throw wrong() }
      let most = call.argument(2, "count")?.int.flatMap { $0 < 0 ? nil : $0 }
      let parts = Text.split(try text(), by: old.text, most: most)
      return .string(try Self.joined(parts, by: new.text, line: line))
    case "items":
      try allow()
      if value.isUndefined { return .list([]) }
      guard case .dictionary(let dictionary) = value else { throw wrong() }
      return .list(dictionary.entries.map { .tuple([$0.key, $0.value]) })
    case "int", "float", "abs", "round": return try numeric(name, value, call, line: line)
    case "indent": return try indented(try text(), call, line: line)
    case "map", "select", "reject", "selectattr", "rejectattr":
      return try sifted(name, try elements(), call, line: line)
    case "unique", "sort", "min", "max", "sum":
      try allow()
      return try gathered(name, try elements(), line: line)
    case "safe":
      try allow()
      return .string(try text())
    default: throw .unsupported(construct: "the filter | \(name.prefix(40))", line: line)
    }
  }

  /// Texts one behind the other, if they are not too much.
  static func joined(
    _ parts: [String], by separator: String, line: Int
  ) throws(TemplateError) -> String {
    let bytes = parts.reduce(0) { $0 + $1.utf8.count }
    let (more, overflow) = separator.utf8.count.multipliedReportingOverflow(
      by: max(parts.count - 1, 0))
    try expect(overflow ? .max : bytes + min(more, mostMade), line: line)
    return parts.joined(separator: separator)
  }

  static func cased(_ text: String, _ name: String) -> String {
    switch name {
    case "upper": text.uppercased()
    case "lower": Text.lowercased(text)
    case "capitalize": Text.capitalized(text)
    default: Text.titled(text)
    }
  }

  private func numeric(
    _ name: String, _ value: TemplateValue, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    guard call.plain.isEmpty, call.named.isEmpty else {
      throw .unsupported(construct: "| \(name) with arguments", line: line)
    }
    switch (name, value) {
    case ("int", .double(let number)):
      return Int(exactly: number.rounded(.towardZero)).map { .int($0) } ?? .int(0)
    case ("int", .string(let text)):
      let trimmed = Text.trimmed(text)
      if let int = Int(trimmed) { return .int(int) }
      return .int(Self.decimal(trimmed).flatMap { Int(exactly: $0.rounded(.towardZero)) } ?? 0)
    case ("int", .largeInt): return value
    case ("int", _): return .int(value.int ?? 0)
    case ("float", .string(let text)): return .double(Self.decimal(Text.trimmed(text)) ?? 0)
    case ("float", .largeInt(let digits)): return .double(Double(digits) ?? 0)
    case ("float", _): return .double(value.number ?? 0)
    case ("abs", _):
      if let int = value.int, int != .min { return .int(abs(int)) }
      if case .double(let number) = value { return .double(abs(number)) }
      if case .largeInt(let digits) = value {
        return .largeInt(
          String(digits.utf8.first == UInt8(ascii: "-") ? digits.dropFirst() : digits[...]))
      }
    case ("round", _):
      // Python rounds halves to even.
      if let number = value.number { return .double(number.rounded(.toNearestOrEven)) }
    default: break
    }
    throw .wrongType(operation: "| \(name)", found: value.kind, line: line)
  }

  /// The number that a text spells; Swift reads hexadecimal ones too, Python does not.
  private static func decimal(_ text: String) -> Double? {
    text.lowercased().contains("x") ? nil : Double(text)
  }

  private func indented(
    _ text: String, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    let width = call.argument(0, "width")?.int ?? 4
    guard (0...100).contains(width),
      call.named.keys.allSatisfy(["width", "first", "blank"].contains)
    else { throw .unsupported(construct: "| indent with these arguments", line: line) }
    let indentsFirst = call.argument(1, "first")?.isTrue == true
    let indentsBlank = call.argument(2, "blank")?.isTrue == true
    let space = String(repeating: " ", count: width)
    // Jinja adds a line end before it splits, so that one at the end is kept.
    let lines = Text.split(text, by: "\n")
    try Self.expect(text.utf8.count + lines.count * width, line: line)
    let rest = lines.dropFirst().map { $0.isEmpty && !indentsBlank ? $0 : space + $0 }
    let first = lines.first.map { indentsFirst ? space + $0 : $0 } ?? ""
    return .string(([first] + rest).joined(separator: "\n"))
  }

  /// Picks or changes elements by a filter, a test or an attribute.
  private mutating func sifted(
    _ name: String, _ elements: [TemplateValue], _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    func attribute(_ path: String, of value: TemplateValue) -> TemplateValue {
      var value = value
      for part in Text.split(path, by: ".") {
        switch value {
        case .dictionary(let dictionary): value = dictionary[part] ?? .undefined(part)
        case .namespace(let namespace): value = namespace.members[part] ?? .undefined(part)
        case .list(let elements), .tuple(let elements):
          let place = Int(part) ?? -1
          value = elements.indices.contains(place) ? elements[place] : .undefined(part)
        default: value = .undefined(part)
        }
      }
      return value
    }
    if name == "map", let path = call.named["attribute"] {
      let standard = call.named["default"]
      guard call.plain.isEmpty, call.named.count == (standard == nil ? 1 : 2) else {
        throw .unsupported(construct: "| map with these arguments", line: line)
      }
      return .list(
        elements.map {
          let value = attribute(path.text, of: $0)
          return value.isUndefined ? standard ?? value : value
        })
    }
    let isByAttribute = name.hasSuffix("attr")
    let taken = isByAttribute ? 1 : 0
    guard call.named.isEmpty, call.plain.count >= taken + (name == "map" ? 1 : 0) else {
      throw .unsupported(construct: "| \(name) with these arguments", line: line)
    }
    let operation = call.plain.count > taken ? call.plain[taken].text : nil
    let rest = TemplateCall(plain: Array(call.plain.dropFirst(taken + 1)))
    var result: [TemplateValue] = []
    for element in elements {
      try count(line: line)
      if name == "map" {
        result.append(try filter(operation ?? "", element, rest, line: line))
        continue
      }
      let value = isByAttribute ? attribute(call.plain[0].text, of: element) : element
      var holds = value.isTrue
      if let operation { holds = try test(operation, value, rest, line: line) }
      if holds == name.hasPrefix("select") { result.append(element) }
    }
    return .list(result)
  }

  private func gathered(
    _ name: String, _ elements: [TemplateValue], line: Int
  ) throws(TemplateError) -> TemplateValue {
    for pair in zip(elements, elements.dropFirst()) {
      guard TemplateValue.precedes(pair.0, pair.1) != nil else {
        throw .wrongType(
          operation: "| \(name)", found: "\(pair.0.kind) and \(pair.1.kind)", line: line)
      }
      if case .string = pair.0, name != "sum" {
        // Jinja compares these without regard to case.
        throw .unsupported(construct: "| \(name) of texts", line: line)
      }
    }
    func precedes(_ a: TemplateValue, _ b: TemplateValue) -> Bool {
      TemplateValue.precedes(a, b) ?? false
    }
    switch name {
    case "sort":
      let sorted = elements.enumerated().sorted {
        precedes($0.element, $1.element)
          || (!precedes($1.element, $0.element) && $0.offset < $1.offset)
      }
      return .list(sorted.map(\.element))
    case "min": return elements.min(by: precedes) ?? .undefined("the least of nothing")
    case "max": return elements.max(by: precedes) ?? .undefined("the most of nothing")
    case "unique":
      var kept: [TemplateValue] = []
      for element in elements where !kept.contains(where: { TemplateValue.areEqual($0, element) }) {
        kept.append(element)
      }
      return .list(kept)
    default:
      var sum = 0
      for element in elements {
        guard let int = element.int else {
          throw .unsupported(construct: "| sum of other than whole numbers", line: line)
        }
        let (result, overflow) = sum.addingReportingOverflow(int)
        guard !overflow else { throw .tooMuch(what: "| sum overflows", line: line) }
        sum = result
      }
      return .int(sum)
    }
  }
}
