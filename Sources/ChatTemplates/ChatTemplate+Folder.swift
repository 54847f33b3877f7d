public import Bytes
public import Formats

extension ChatTemplate {
  /// The file that holds a template alone, and the one that may hold it among other things.
  public static let fileName = "chat_template.jinja"
  public static let configName = "tokenizer_config.json"
  /// The key of GGUF's metadata that holds a template.
  public static let ggufKey = "tokenizer.chat_template"

  /// Finds the template of a model's folder: `chat_template.jinja`, else `chat_template` of
  /// `tokenizer_config.json`, else that of a GGUF model; nil where it has none.
  /// - Parameters:
  ///   - paths: the files of the folder; one empty path for a single file.
  ///   - map: maps one of them.
  ///   - gguf: the folder's GGUF model, where somebody has read it already.
  public static func find(
    paths: [String], map: (String) throws -> MappedFile, gguf: GGUFFile? = nil
  ) throws -> ChatTemplate? {
    let config = try config(paths: paths, map: map, gguf: gguf)
    guard let source = try source(paths, map, config) else { return nil }
    return try ChatTemplate(jinja: source, config: config)
  }

  /// The text of the template that `find` finds, whether or not it can be carried out here.
  public static func source(
    paths: [String], map: (String) throws -> MappedFile, gguf: GGUFFile? = nil
  ) throws -> String? {
    try source(paths, map, config(paths: paths, map: map, gguf: gguf))
  }

  private static func source(
    _ paths: [String], _ map: (String) throws -> MappedFile, _ config: JSONNode
  ) throws -> String? {
    guard paths.contains(fileName) else { return try source(in: config) }
    guard let source = String(validating: try map(fileName).copied(), as: UTF8.self) else {
      throw FormatError.invalid(format: fileName, field: "content", found: "not UTF-8")
    }
    return source
  }

  /// What the model's files say of special tokens and templates: `tokenizer_config.json`, and what a
  /// GGUF model says besides, under the same names.
  public static func config(
    paths: [String], map: (String) throws -> MappedFile, gguf: GGUFFile? = nil
  ) throws -> JSONNode {
    var members: [JSONMember] = []
    if paths.contains(configName) {
      let config = try JSONNode(parsing: map(configName).copied(), format: configName)
      // A file that lies beside says nothing where all is said.
      if paths.contains(fileName) || config["chat_template"]?.isNull == false { return config }
      members = config.members ?? []
    }
    guard let file = try gguf ?? self.gguf(paths, map) else { return .object(members) }
    let names = file.metadata["tokenizer.ggml.tokens"]?.texts ?? []
    for token in ["bos", "eos", "unk"] {
      let key = token == "unk" ? "unknown" : token
      guard let id = file.metadata["tokenizer.ggml.\(key)_token_id"]?.int,
        names.indices.contains(id)
      else { continue }
      members.append(JSONMember("\(token)_token", .string(names[id])))
    }
    if let source = file.metadata[ggufKey]?.text {
      members.append(JSONMember("chat_template", .string(source)))
    }
    // The first of a name counts: what the config says goes before what the model says.
    var known: Set<String> = []
    return .object(members.filter { !$0.value.isNull && known.insert($0.name).inserted })
  }

  /// The GGUF model of a folder whose weights are not elsewhere, or the vocabulary kept of one.
  private static func gguf(
    _ paths: [String], _ map: (String) throws -> MappedFile
  ) throws -> GGUFFile? {
    if paths.contains("config.json") {
      guard paths.contains(GGUFFile.vocabularyName) else { return nil }
      return try GGUFFile(map(GGUFFile.vocabularyName))
    }
    if let path = paths.first(where: { $0.hasSuffix(".gguf") && !$0.contains("adapter") }) {
      return try GGUFFile(map(path))
    }
    guard paths == [""] else { return nil }
    let file = try map("")
    return GGUFFile.isGGUF(file) ? try GGUFFile(file) : nil
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
