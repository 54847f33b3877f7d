public import Formats

/// Stores one turn of a conversation.
public struct ChatMessage: Equatable, Sendable {
  /// All its fields in the order they were given, `role` and `content` among them: what a template
  /// sees.
  public private(set) var members: [JSONMember]

  /// - Parameter members: as a message in JSON has them; of a name given twice the last counts.
  public init(members: [JSONMember]) {
    self.members = []
    for member in members { set(member) }
  }

  /// - Parameter fields: come behind role and content, or take their place where they are called so.
  public init(role: String, content: String, fields: [JSONMember] = []) {
    self.init(
      members: [JSONMember("role", .string(role)), JSONMember("content", .string(content))]
        + fields)
  }

  /// Who speaks: `system`, `user`, `assistant`, or what else the template knows; empty where that is
  /// not said.
  public var role: String {
    get { text("role") }
    set { set(JSONMember("role", .string(newValue))) }
  }

  /// What is said; empty where that is nothing, or no text.
  public var content: String {
    get { text("content") }
    set { set(JSONMember("content", .string(newValue))) }
  }

  /// Further fields that a template may read, such as `tool_calls` or `name`.
  public var fields: [JSONMember] {
    get { members.filter { !Self.ownNames.contains($0.name) } }
    set {
      members.removeAll { !Self.ownNames.contains($0.name) }
      for member in newValue { set(member) }
    }
  }

  private static let ownNames = ["role", "content"]

  private func text(_ name: String) -> String {
    members.first { $0.name == name }?.value.text ?? ""
  }

  private mutating func set(_ member: JSONMember) {
    if let place = members.firstIndex(where: { $0.name.utf8.elementsEqual(member.name.utf8) }) {
      members[place] = member
    } else {
      members.append(member)
    }
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
