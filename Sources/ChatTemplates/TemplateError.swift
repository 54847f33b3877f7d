/// Says why a chat template gives no prompt, as facts.
public enum TemplateError: Error, Equatable, Sendable {
  /// Something of Jinja that is not computed here.
  case unsupported(construct: String, line: Int)
  /// Text that is not Jinja.
  case syntax(found: String, expected: String, line: Int)
  /// Something undefined is read from, called or computed with.
  case undefined(name: String, line: Int)
  /// The day is asked for (`strftime_now`), which no prompt may depend on.
  case wantsDate(line: Int)
  /// Values that an operation does not take.
  case wrongType(operation: String, found: String, line: Int)
  /// The template itself refuses the conversation (`raise_exception`).
  case raised(message: String, line: Int)
  /// More work, text or nesting than any prompt needs.
  case tooMuch(what: String, line: Int)
  /// No family of this name is known.
  case unknownFamily(String, known: [String])
  /// The tokenizer's files hold several templates and none of them is the usual one.
  case noDefault(names: [String])
}

extension TemplateError: CustomStringConvertible {
  public var description: String {
    let place = "chat template, line "
    return switch self {
    case .unsupported(let construct, let line):
      "the chat template uses something plm cannot do · \(place)\(line): \(construct) · "
        + "name a family instead, or simplify the template"
    case .syntax(let found, let expected, let line):
      "the chat template is malformed · \(place)\(line): found \(found), expected \(expected) · "
        + "check where it comes from"
    case .undefined(let name, let line):
      "the chat template uses something undefined · \(place)\(line): \(name) · "
        + "it needs a field or variable that was not given"
    case .wantsDate(let line):
      "the chat template wants today's date · \(place)\(line): strftime_now() · plm tells no day, so "
        + "that the same messages give the same prompt: write one into the template in its place"
    case .wrongType(let operation, let found, let line):
      "the chat template computes something impossible · \(place)\(line): \(operation) of \(found)"
        + " · check the messages' fields and the template"
    case .raised(let message, let line):
      "the chat template refuses this conversation · \(place)\(line): \(message) · "
        + "change the roles or their order"
    case .tooMuch(let what, let line):
      "the chat template asks for too much · \(place)\(line): \(what) · "
        + "check where it comes from"
    case .unknownFamily(let name, let known):
      "no such chat template · \(name) · use one of \(known.joined(separator: ", "))"
    case .noDefault(let names):
      "several chat templates and none called default · \(names.joined(separator: ", ")) · "
        + "keep one of them in chat_template.jinja"
    }
  }
}
