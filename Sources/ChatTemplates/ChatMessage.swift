public import Formats

/// Stores one turn of a conversation.
public struct ChatMessage: Equatable, Sendable {
  /// Who speaks: `system`, `user`, `assistant`, or what else the template knows.
  public var role: String
  public var content: String
  /// Further fields that a template may read, such as `tool_calls` or `name`.
  public var fields: [JSONMember]

  public init(role: String, content: String, fields: [JSONMember] = []) {
    self.role = role
    self.content = content
    self.fields = fields
  }

  /// What the model is told before the conversation.
  public static func system(_ content: String) -> Self { .init(role: "system", content: content) }
  /// What the person says.
  public static func user(_ content: String) -> Self { .init(role: "user", content: content) }
  /// What the model says.
  public static func assistant(_ content: String) -> Self {
    .init(role: "assistant", content: content)
  }
}
