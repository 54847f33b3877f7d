import Formats

extension PreTokenizer {
  private static let format = "tokenizer.json"

  /// Reads the `pre_tokenizer` of a tokenizer.json.
  init(_ node: JSONNode) throws(FormatError) {
    guard !node.isNull else { return }
    for (index, part) in try Self.flattened(node, depth: 0).enumerated() {
      if index > 0, case .byteLevel? = steps.last {
        // What ByteLevel hands on is spelled in an alphabet of its own.
        throw Self.unsupported("pre_tokenizer", part, "ByteLevel as the last step")
      }
      steps.append(try Self.step(part))
    }
  }

  private static func flattened(_ node: JSONNode, depth: Int) throws(FormatError) -> [JSONNode] {
    guard node["type"]?.text == "Sequence" else { return [node] }
    guard depth < 8, let parts = node["pretokenizers"]?.elements else {
      throw .invalid(format: format, field: "pre_tokenizer.pretokenizers", found: "no list")
    }
    var all: [JSONNode] = []
    for part in parts { all += try flattened(part, depth: depth + 1) }
    return all
  }

  static func unsupported(
    _ field: String, _ node: JSONNode, _ supported: String
  ) -> FormatError {
    .unsupported(
      format: format, field: field,
      found: node["type"]?.text
        ?? String(String(decoding: node.bytes(), as: UTF8.self).prefix(120)),
      supported: supported)
  }

  private static func step(_ node: JSONNode) throws(FormatError) -> Step {
    func flag(_ name: String, _ standard: Bool) -> Bool { node[name]?.bool ?? standard }
    switch node["type"]?.text {
    case "ByteLevel":
      return .byteLevel(addsSpace: flag("add_prefix_space", true), cuts: flag("use_regex", true))
    case "Digits": return .digits(isEach: flag("individual_digits", false))
    case "Whitespace": return .whitespace
    case "WhitespaceSplit": return .whitespaceSplit
    case "Punctuation": return .punctuation(try behavior(node["behavior"] ?? .string("Isolated")))
    case "CharDelimiterSplit":
      guard let scalars = node["delimiter"]?.text?.unicodeScalars, scalars.count == 1,
        let first = scalars.first
      else { throw .invalid(format: format, field: "delimiter", found: "not one character") }
      return .delimiter(first)
    case "Metaspace": return try metaspace(node)
    case "Split":
      guard let behaviorNode = node["behavior"] else {
        throw .missing(format: format, field: "pre_tokenizer.behavior")
      }
      return .split(
        try delimiter(node["pattern"] ?? .null, field: "pre_tokenizer.pattern"),
        try behavior(behaviorNode), isInverted: flag("invert", false))
    default:
      throw unsupported(
        "pre_tokenizer", node,
        "the steps ByteLevel, Split, Digits, Metaspace, Punctuation, Whitespace, WhitespaceSplit "
          + "and CharDelimiterSplit")
    }
  }

  private static func behavior(_ node: JSONNode) throws(FormatError) -> Behavior {
    guard let name = node.text, let behavior = Behavior(rawValue: name) else {
      throw .invalid(format: format, field: "behavior", found: node.text ?? "no text")
    }
    return behavior
  }

  /// A pattern as text or as an expression.
  static func delimiter(_ node: JSONNode, field: String) throws(FormatError) -> Delimiter {
    if let text = node["String"]?.text { return .text(Array(text.utf8)) }
    guard let source = node["Regex"]?.text else {
      throw .invalid(format: format, field: field, found: "neither String nor Regex")
    }
    do {
      return .pattern(try Pattern(source))
    } catch {
      throw .unsupported(
        format: format, field: field, found: "\(error.construct) in \(source.prefix(120))",
        supported: "simpler expressions")
    }
  }

  private static func metaspace(_ node: JSONNode) throws(FormatError) -> Step {
    guard let mark = node["replacement"]?.text, mark.unicodeScalars.count == 1 else {
      throw .invalid(format: format, field: "replacement", found: "not one character")
    }
    var prepending = Prepending.always
    if let name = node["prepend_scheme"]?.text {
      guard let found = Prepending(rawValue: name) else {
        throw .invalid(format: format, field: "prepend_scheme", found: name)
      }
      prepending = found
    }
    if node["add_prefix_space"]?.bool == false { prepending = .never }
    return .metaspace(
      mark: Array(mark.utf8), prepending, splits: node["split"]?.bool ?? true)
  }

  /// The rule that does the same as these steps, where there is one.
  var rule: CuttingRule? {
    guard case .byteLevel(addsSpace: false, let cuts)? = steps.last else { return nil }
    if cuts {
      switch steps.count {
      case 1: return .gpt2
      case 2: if case .digits(isEach: true) = steps[0] { return .digitsApart }
      default: break
      }
      return nil
    }
    guard steps.count == 2,
      case .split(.pattern(let pattern), .isolated, isInverted: false) = steps[0]
    else { return nil }
    return [.qwen2, .llama3].first { $0.expression == pattern.source }
  }
}
