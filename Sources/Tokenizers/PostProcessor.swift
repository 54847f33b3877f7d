import Formats

/// Stores what is put before and behind the ids of a text.
struct PostProcessor: Equatable, Sendable {
  var prefix: [Int32] = []
  var suffix: [Int32] = []
  private static let format = "tokenizer.json"

  init() {}

  /// Reads the `post_processor` of a tokenizer.json: what it does to a single text.
  init(_ node: JSONNode) throws(FormatError) {
    guard !node.isNull else { return }
    try add(node, depth: 0)
  }

  private mutating func add(_ node: JSONNode, depth: Int) throws(FormatError) {
    switch node["type"]?.text {
    case "ByteLevel": break
    case "Sequence":
      guard depth < 8, let parts = node["processors"]?.elements else {
        throw .invalid(format: Self.format, field: "post_processor.processors", found: "no list")
      }
      for part in parts { try add(part, depth: depth + 1) }
    case "RobertaProcessing", "BertProcessing":
      prefix.insert(try Self.id(node["cls"]), at: 0)
      suffix.append(try Self.id(node["sep"]))
    case "TemplateProcessing": try addTemplate(node)
    default:
      throw PreTokenizer.unsupported(
        "post_processor", node,
        "ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing and sequences of them")
    }
  }

  /// A token as `["</s>", 2]`.
  private static func id(_ node: JSONNode?) throws(FormatError) -> Int32 {
    guard let pair = node?.elements, pair.count == 2,
      let id = pair[1].int.flatMap({ Int32(exactly: $0) }), id >= 0
    else { throw .invalid(format: format, field: "post_processor.cls or sep", found: "no id") }
    return id
  }

  private mutating func addTemplate(_ node: JSONNode) throws(FormatError) {
    var before: [Int32] = []
    var behind: [Int32] = []
    var isBehind = false
    for part in node["single"]?.elements ?? [] {
      if part["Sequence"] != nil {
        guard !isBehind else {
          throw .unsupported(
            format: Self.format, field: "post_processor.single", found: "the text twice",
            supported: "a template that holds the text once")
        }
        isBehind = true
        continue
      }
      guard let name = part["SpecialToken"]?["id"]?.text,
        let ids = node["special_tokens"]?[name]?["ids"]?.elements
      else {
        throw .invalid(format: Self.format, field: "post_processor.single", found: "no token")
      }
      for id in ids {
        guard let id = id.int.flatMap({ Int32(exactly: $0) }), id >= 0 else {
          throw .invalid(
            format: Self.format, field: "post_processor.special_tokens", found: "no id")
        }
        if isBehind { behind.append(id) } else { before.append(id) }
      }
    }
    guard isBehind else {
      throw .invalid(format: Self.format, field: "post_processor.single", found: "no text in it")
    }
    prefix = before + prefix
    suffix += behind
  }
}
