extension TemplateRenderer {
  /// Whether a test holds: `value is name(…)`.
  func test(
    _ name: String, _ value: TemplateValue, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> Bool {
    let first = call.plain.first
    func needed() throws(TemplateError) -> TemplateValue {
      guard let first, call.plain.count == 1, call.named.isEmpty else {
        throw .wrongType(operation: "is \(name)", found: "not one argument", line: line)
      }
      return first
    }
    func compared(_ sign: String) throws(TemplateError) -> Bool {
      let other = try needed()
      let result =
        sign == "<" || sign == ">="
        ? TemplateValue.precedes(value, other) : TemplateValue.precedes(other, value)
      guard let result else {
        throw .wrongType(
          operation: "is \(name)", found: "\(value.kind) and \(other.kind)", line: line)
      }
      return sign.count == 1 ? result : !result
    }
    switch name {
    case "eq", "equalto": return TemplateValue.areEqual(value, try needed())
    case "ne": return !TemplateValue.areEqual(value, try needed())
    case "lt", "lessthan": return try compared("<")
    case "gt", "greaterthan": return try compared(">")
    case "le": return try compared("<=")
    case "ge": return try compared(">=")
    case "in":
      let other = try needed()
      if case .string(let text) = other, case .string(let part) = value {
        return Text.contains(text, part)
      }
      guard let elements = other.elements else {
        throw .wrongType(operation: "is in", found: other.kind, line: line)
      }
      return elements.contains { TemplateValue.areEqual($0, value) }
    case "divisibleby":
      guard let number = value.int, let other = try needed().int, other != 0, other != -1 else {
        throw .wrongType(operation: "is divisibleby", found: value.kind, line: line)
      }
      return number % other == 0
    default: break
    }
    guard call.plain.isEmpty, call.named.isEmpty else {
      throw .unsupported(construct: "the test is \(name.prefix(40)) with arguments", line: line)
    }
    switch (name, value) {
    case ("defined", _): return !value.isUndefined
    case ("undefined", _): return value.isUndefined
    case ("none", .none): return true
    case ("string", .string): return true
    case ("number", .int), ("number", .largeInt), ("number", .double), ("number", .bool):
      return true
    case ("integer", .int), ("integer", .largeInt), ("float", .double), ("boolean", .bool):
      return true
    case ("true", .bool(let flag)): return flag
    case ("false", .bool(let flag)): return !flag
    case ("mapping", .dictionary): return true
    case ("iterable", _): return value.elements != nil
    case ("sequence", .list), ("sequence", .tuple), ("sequence", .string),
      ("sequence", .dictionary),
      ("sequence", .undefined):
      return true
    case ("callable", .macro), ("callable", .function): return true
    case ("odd", _), ("even", _):
      guard let number = value.int else {
        throw .wrongType(operation: "is \(name)", found: value.kind, line: line)
      }
      return (number % 2 != 0) == (name == "odd")
    case ("none", _), ("string", _), ("number", _), ("integer", _), ("float", _), ("boolean", _),
      ("true", _), ("false", _), ("mapping", _), ("sequence", _), ("callable", _):
      return false
    default: throw .unsupported(construct: "the test is \(name.prefix(40))", line: line)
    }
  }
}
