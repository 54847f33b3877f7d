/// Stores a piece of a template: text as it is, or a word of what stands in braces.
struct TemplateToken {
  enum Kind: Equatable {
    case text(String)
    /// `{{` and `}}`.
    case printOpen, printClose
    /// `{%` and `%}`.
    case tagOpen, tagClose
    case name(String)
    case string(String)
    case int(Int)
    case double(Double)
    /// One of the operators and brackets.
    case sign(String)
    case end
  }

  let kind: Kind
  let line: Int

  /// The token for messages.
  var words: String {
    switch kind {
    case .text(let text): "text '\(text.prefix(20))'"
    case .printOpen: "'{{'"
    case .printClose: "'}}'"
    case .tagOpen: "'{%'"
    case .tagClose: "'%}'"
    case .name(let name): "'\(name.prefix(40))'"
    case .string(let text): "text in quotes '\(text.prefix(20))'"
    case .int(let value): "'\(value)'"
    case .double(let value): "'\(value)'"
    case .sign(let sign): "'\(sign)'"
    case .end: "the end of the template"
    }
  }
}
