extension TemplateRenderer {
  /// What texts, lists and dictionaries of Python have besides their members: reading one of these
  /// that is not computed here must not look like a missing member.
  static let pythonMethods: Set<String> = [
    "append", "capitalize", "casefold", "center", "clear", "copy", "count", "encode", "endswith",
    "expandtabs", "extend", "find", "format", "format_map", "fromkeys", "get", "index", "insert",
    "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
    "isprintable", "isspace", "istitle", "isupper", "items", "join", "keys", "ljust", "lower",
    "lstrip", "maketrans", "partition", "pop", "popitem", "remove", "removeprefix", "removesuffix",
    "replace", "reverse", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip",
    "setdefault", "sort", "split", "splitlines", "startswith", "strip", "swapcase", "title",
    "translate", "update", "upper", "values", "zfill",
  ]

  /// Calls a method of a text, list or dictionary.
  func method(
    _ name: String, of value: TemplateValue, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    func unsupported() -> TemplateError {
      .unsupported(construct: "the method .\(name.prefix(40))() of \(value.kind)", line: line)
    }
    guard call.named.isEmpty || name == "split" || name == "get" else { throw unsupported() }
    switch value {
    case .string(let text): return try method(name, ofText: text, call, line: line)
    case .dictionary(let dictionary):
      switch (name, call.plain.count) {
      case ("items", 0):
        return .list(dictionary.entries.map { .tuple([$0.key, $0.value]) })
      case ("keys", 0): return .list(dictionary.entries.map(\.key))
      case ("values", 0): return .list(dictionary.entries.map(\.value))
      case ("get", 1), ("get", 2):
        guard call.named.isEmpty else { throw unsupported() }
        return dictionary.value(of: call.plain[0])
          ?? (call.plain.count == 2 ? call.plain[1] : TemplateValue.none)
      default: throw unsupported()
      }
    case .list(let elements), .tuple(let elements):
      switch (name, call.plain.count) {
      case ("count", 1):
        return .int(elements.count { TemplateValue.areEqual($0, call.plain[0]) })
      case ("index", 1):
        guard let place = elements.firstIndex(where: { TemplateValue.areEqual($0, call.plain[0]) })
        else { throw .wrongType(operation: ".index()", found: "a value not in it", line: line) }
        return .int(place)
      default: throw unsupported()
      }
    default: throw unsupported()
    }
  }

  private func method(
    _ name: String, ofText text: String, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    func unsupported() -> TemplateError {
      .unsupported(construct: "the method .\(name.prefix(40))() with these arguments", line: line)
    }
    func parts(_ value: TemplateValue) throws(TemplateError) -> [String] {
      switch value {
      case .string(let part): return [part]
      case .tuple(let elements):
        var parts: [String] = []
        for case .string(let part) in elements { parts.append(part) }
        guard parts.count == elements.count else { throw unsupported() }
        return parts
      default: throw unsupported()
      }
    }
    func argument(_ place: Int) throws(TemplateError) -> String {
      guard call.plain.count > place, case .string(let part) = call.plain[place] else {
        throw unsupported()
      }
      return part
    }
    switch (name, call.plain.count) {
    case ("strip", 0...1), ("lstrip", 0...1), ("rstrip", 0...1):
      var characters: String?
      if let first = call.plain.first {
        if case .none = first { characters = nil } else { characters = try argument(0) }
      }
      return .string(
        Text.trimmed(text, characters, left: name != "rstrip", right: name != "lstrip"))
    case ("upper", 0), ("lower", 0), ("capitalize", 0), ("title", 0):
      return .string(Self.cased(text, name))
    case ("startswith", 1):
      return .bool(try parts(call.plain[0]).contains { Text.starts(text, with: $0) })
    case ("endswith", 1):
      return .bool(try parts(call.plain[0]).contains { Text.ends(text, with: $0) })
    case ("split", 0...2):
      let limit = call.argument(1, "maxsplit")
      let most = limit?.int.flatMap { $0 < 0 ? nil : $0 }
      guard limit == nil || limit?.int != nil,
        call.named.keys.allSatisfy({ $0 == "maxsplit" || $0 == "sep" })
      else { throw unsupported() }
      switch call.argument(0, "sep") {
      case nil, .some(.none):
        guard most == nil else { throw unsupported() }
        return .list(Text.words(text).map { .string($0) })
      case .some(.string(let separator)) where !separator.isEmpty:
        return .list(Text.split(text, by: separator, most: most).map { .string($0) })
      default: throw unsupported()
      }
    case ("splitlines", 0):
      let text = Text.replace(text, "\r\n", by: "\n")
      var lines = Text.split(text, by: "\n")
      if lines.last?.isEmpty == true { lines.removeLast() }
      let others = "\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}".unicodeScalars
      guard !text.unicodeScalars.contains(where: others.contains) else {
        throw unsupported()
      }
      return .list(lines.map { .string($0) })
    case ("replace", 2), ("replace", 3):
      let old = try argument(0)
      guard !old.isEmpty else { throw unsupported() }
      let most = call.plain.count == 3 ? call.plain[2].int.flatMap { $0 < 0 ? nil : $0 } : nil
      return .string(
        try Self.joined(
          Text.split(text, by: old, most: most), by: try argument(1), line: line))
    case ("find", 1):
      let place = Text.place(
        of: Array(try argument(0).unicodeScalars), in: Array(text.unicodeScalars))
      return .int(place ?? -1)
    case ("count", 1):
      let part = try argument(0)
      guard !part.isEmpty else { throw unsupported() }
      return .int(Text.split(text, by: part).count - 1)
    case ("removeprefix", 1):
      let part = try argument(0)
      return .string(
        Text.starts(text, with: part)
          ? Text.string(text.unicodeScalars.dropFirst(part.unicodeScalars.count)) : text)
    case ("removesuffix", 1):
      let part = try argument(0)
      return .string(
        Text.ends(text, with: part)
          ? Text.string(text.unicodeScalars.dropLast(part.unicodeScalars.count)) : text)
    case ("join", 1):
      guard let elements = try Self.elements(of: call.plain[0], line: line) else {
        throw unsupported()
      }
      var parts: [String] = []
      for case .string(let part) in elements { parts.append(part) }
      guard parts.count == elements.count else { throw unsupported() }
      return .string(try Self.joined(parts, by: text, line: line))
    default:
      guard Self.pythonMethods.contains(name) else {
        throw .undefined(name: "str.\(name)", line: line)
      }
      throw unsupported()
    }
  }
}
