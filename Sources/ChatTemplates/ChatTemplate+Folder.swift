public import Bytes
public import Formats

extension ChatTemplate {
  /// The file that holds a template alone, and the one that may hold it among other things.
  public static let fileName = "chat_template.jinja"
  public static let configName = "tokenizer_config.json"

  /// Finds the template of a model's folder: `chat_template.jinja`, else `chat_template` of
  /// `tokenizer_config.json`; nil where it has none.
  /// - Parameters:
  ///   - paths: the files of the folder.
  ///   - map: maps one of them.
  public static func find(
    paths: [String], map: (String) throws -> MappedFile
  ) throws -> ChatTemplate? {
    var config = JSONNode.null
    if paths.contains(configName) {
      config = try JSONNode(parsing: map(configName).copied(), format: configName)
    }
    if paths.contains(fileName) {
      let bytes = try map(fileName).copied()
      guard let source = String(validating: bytes, as: UTF8.self) else {
        throw FormatError.invalid(format: fileName, field: "content", found: "not UTF-8")
      }
      return try ChatTemplate(jinja: source, config: config)
    }
    guard let source = try source(in: config) else { return nil }
    return try ChatTemplate(jinja: source, config: config)
  }

  /// - Parameter config: `tokenizer_config.json`, which names the special tokens.
  public init(jinja: String, config: JSONNode) throws(TemplateError) {
    func token(_ name: String) -> String? {
      config[name]?.text ?? config[name]?["content"]?.text
    }
    let others = (config.members ?? []).compactMap { member -> JSONMember? in
      guard member.name.hasSuffix("_token"), let text = token(member.name) else { return nil }
      return JSONMember(member.name, .string(text))
    }
    try self.init(
      jinja: jinja, bosToken: token("bos_token") ?? "", eosToken: token("eos_token") ?? "",
      otherTokens: others)
  }

  /// One template, or a list of named ones of which `default` is meant.
  private static func source(in config: JSONNode) throws -> String? {
    guard let node = config["chat_template"], !node.isNull else { return nil }
    if let text = node.text { return text }
    guard let list = node.elements else {
      throw FormatError.invalid(
        format: configName, field: "chat_template", found: "neither text nor a list")
    }
    let found = list.first { $0["name"]?.text == "default" }
    guard let text = found?["template"]?.text else {
      throw TemplateError.noDefault(names: list.compactMap { $0["name"]?.text })
    }
    return text
  }
}
