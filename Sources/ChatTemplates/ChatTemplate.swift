public import Formats

/// Stores how a conversation becomes the text that a model was taught to continue.
///
/// The text holds the names of special tokens: encode it with `specials: true`, and without what the
/// tokenizer puts around texts otherwise, for a template writes that itself.
public struct ChatTemplate: Sendable {
  /// The template's own text, in Jinja.
  public let source: String
  /// What `bos_token` and `eos_token` stand for in it; empty where there are none.
  public let bosToken: String
  public let eosToken: String
  /// Other names the template may use, such as `unk_token`.
  let otherTokens: [JSONMember]
  private let body: [TemplateNode]

  /// Reads a template in Jinja.
  /// - Parameters:
  ///   - bosToken: what `bos_token` stands for.
  ///   - eosToken: what `eos_token` stands for.
  public init(
    jinja source: String, bosToken: String = "", eosToken: String = "",
    otherTokens: [JSONMember] = []
  ) throws(TemplateError) {
    self.source = source
    self.bosToken = bosToken
    self.eosToken = eosToken
    self.otherTokens = otherTokens
    var parser = TemplateParser(try TemplateLexer.tokens(of: source))
    body = try parser.parseTemplate()
  }

  /// The text of a conversation.
  /// - Parameters:
  ///   - addGenerationPrompt: whether to end with what opens the assistant's turn.
  ///   - variables: what the template may read besides, such as `tools` or `date_string`.
  public func render(
    _ messages: [ChatMessage], addGenerationPrompt: Bool = true, variables: [JSONMember] = []
  ) throws(TemplateError) -> String {
    var globals: [String: TemplateValue] = [:]
    for member in otherTokens { globals[member.name] = TemplateValue(member.value) }
    globals["bos_token"] = .string(bosToken)
    globals["eos_token"] = .string(eosToken)
    // Hugging Face gives these even where there are none.
    globals["tools"] = TemplateValue.none
    globals["documents"] = TemplateValue.none
    for member in variables { globals[member.name] = TemplateValue(member.value) }
    globals["messages"] = .list(messages.map(TemplateValue.init))
    globals["add_generation_prompt"] = .bool(addGenerationPrompt)
    var renderer = TemplateRenderer(globals: globals)
    return try renderer.render(body)
  }
}

extension TemplateValue {
  init(_ message: ChatMessage) {
    self.init(.object(message.members))
  }
}
