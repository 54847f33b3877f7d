/// Reads the statements of a template.
struct TemplateParser {
  let tokens: [TemplateToken]
  var at = 0
  /// How deep expressions and statements stand in each other: hostile templates must not exhaust
  /// the stack.
  var depth = 0
  private static let deepest = 100
  private var loops = 0

  init(_ tokens: [TemplateToken]) { self.tokens = tokens }

  mutating func parseTemplate() throws(TemplateError) -> [TemplateNode] {
    try parseBody(until: []).body
  }

  // MARK: Tokens

  var current: TemplateToken { tokens[min(at, tokens.count - 1)] }
  var line: Int { current.line }

  func isSign(_ sign: String) -> Bool { current.kind == .sign(sign) }
  func isName(_ name: String) -> Bool { current.kind == .name(name) }

  mutating func accept(_ sign: String) -> Bool {
    guard isSign(sign) else { return false }
    at += 1
    return true
  }

  mutating func accept(name: String) -> Bool {
    guard isName(name) else { return false }
    at += 1
    return true
  }

  mutating func expect(_ sign: String) throws(TemplateError) {
    guard accept(sign) else { throw unexpected("'\(sign)'") }
  }

  func unexpected(_ expected: String) -> TemplateError {
    .syntax(found: current.words, expected: expected, line: line)
  }

  mutating func parseName() throws(TemplateError) -> String {
    guard case .name(let name) = current.kind else { throw unexpected("a name") }
    at += 1
    return name
  }

  mutating func descend() throws(TemplateError) {
    depth += 1
    guard depth <= Self.deepest else {
      throw .tooMuch(what: "nested deeper than \(Self.deepest)", line: line)
    }
  }

  private mutating func closeTag() throws(TemplateError) {
    guard current.kind == .tagClose else { throw unexpected("'%}'") }
    at += 1
  }

  // MARK: Statements

  /// Reads nodes up to a tag of one of these names, which is read too; to the end if there are no
  /// names.
  private mutating func parseBody(
    until ends: [String]
  ) throws(TemplateError) -> (body: [TemplateNode], end: String) {
    try descend()
    defer { depth -= 1 }
    let start = line
    var nodes: [TemplateNode] = []
    while true {
      let line = self.line
      switch current.kind {
      case .text(let text):
        at += 1
        nodes.append(TemplateNode(line: line, form: .text(text)))
      case .printOpen:
        at += 1
        let value = try parseTupleOrExpression()
        guard current.kind == .printClose else { throw unexpected("'}}'") }
        at += 1
        nodes.append(TemplateNode(line: line, form: .print(value)))
      case .tagOpen:
        at += 1
        let name = try parseName()
        if ends.contains(name) { return (nodes, name) }
        nodes.append(TemplateNode(line: line, form: try parseStatement(name, line: line)))
      case .end where ends.isEmpty: return (nodes, "")
      default:
        let wanted = ends.isEmpty ? "text" : ends.joined(separator: " or ") + " of line \(start)"
        throw unexpected(wanted)
      }
    }
  }

  private mutating func parseStatement(
    _ name: String, line: Int
  ) throws(TemplateError) -> TemplateNode.Form {
    switch name {
    case "if": return try parseChoice()
    case "for": return try parseLoop()
    case "set": return try parseSet()
    case "macro": return try parseMacro()
    case "break", "continue":
      guard loops > 0 else { throw .syntax(found: name, expected: "a loop around it", line: line) }
      try closeTag()
      return name == "break" ? .leave : .next
    case "generation":
      try closeTag()
      let body = try parseBody(until: ["endgeneration"]).body
      try closeTag()
      return .group(body)
    case "elif", "else", "endif", "endfor", "endset", "endmacro", "endgeneration":
      throw .syntax(found: name, expected: "what it belongs to", line: line)
    default: throw .unsupported(construct: "the tag {% \(name.prefix(40)) %}", line: line)
    }
  }

  private mutating func parseChoice() throws(TemplateError) -> TemplateNode.Form {
    var branches: [(condition: TemplateExpression, body: [TemplateNode])] = []
    while true {
      let condition = try parseTupleOrExpression()
      try closeTag()
      let (body, end) = try parseBody(until: ["elif", "else", "endif"])
      branches.append((condition, body))
      if end == "elif" { continue }
      try closeTag()
      guard end == "else" else { return .choice(branches, otherwise: []) }
      let otherwise = try parseBody(until: ["endif"]).body
      try closeTag()
      return .choice(branches, otherwise: otherwise)
    }
  }

  private mutating func parseLoop() throws(TemplateError) -> TemplateNode.Form {
    let names = try parseTargets()
    guard accept(name: "in") else { throw unexpected("'in'") }
    // A condition behind `in` belongs to the loop.
    let over = try parseTupleOrExpression(conditional: false)
    let condition = accept(name: "if") ? try parseExpression() : nil
    if isName("recursive") {
      throw .unsupported(construct: "a recursive loop", line: line)
    }
    try closeTag()
    loops += 1
    let (body, end) = try parseBody(until: ["else", "endfor"])
    loops -= 1
    try closeTag()
    var otherwise: [TemplateNode] = []
    if end == "else" {
      otherwise = try parseBody(until: ["endfor"]).body
      try closeTag()
    }
    return .loop(names: names, over: over, where: condition, body: body, otherwise: otherwise)
  }

  private mutating func parseTargets() throws(TemplateError) -> [String] {
    let isBracketed = accept("(")
    var names = [try parseName()]
    while accept(",") {
      if case .name = current.kind, !isName("in") {
        names.append(try parseName())
      } else {
        throw .unsupported(construct: "a target that is not a name", line: line)
      }
    }
    if isBracketed { try expect(")") }
    return names
  }

  private mutating func parseSet() throws(TemplateError) -> TemplateNode.Form {
    let names = try parseTargets()
    if names.count == 1, accept(".") {
      let member = try parseName()
      try expect("=")
      let value = try parseTupleOrExpression()
      try closeTag()
      return .setMember(of: names[0], name: member, value: value)
    }
    if accept("=") {
      let value = try parseTupleOrExpression()
      try closeTag()
      return .set(names: names, value: value)
    }
    guard names.count == 1 else { throw unexpected("'='") }
    if isSign("|") { throw .unsupported(construct: "a filter on a block of text", line: line) }
    try closeTag()
    let body = try parseBody(until: ["endset"]).body
    try closeTag()
    return .setBlock(name: names[0], body: body)
  }

  private mutating func parseMacro() throws(TemplateError) -> TemplateNode.Form {
    let name = try parseName()
    try expect("(")
    var parameters: [(name: String, standard: TemplateExpression?)] = []
    while !accept(")") {
      if !parameters.isEmpty { try expect(",") }
      let name = try parseName()
      let standard = accept("=") ? try parseExpression() : nil
      if standard == nil, parameters.last?.standard != nil {
        throw unexpected("'=', as for the parameter before")
      }
      parameters.append((name, standard))
    }
    try closeTag()
    // A macro's body is called from elsewhere: it leaves no loop around its definition.
    let around = loops
    loops = 0
    defer { loops = around }
    let body = try parseBody(until: ["endmacro"]).body
    if case .name = current.kind { at += 1 }
    try closeTag()
    return .macro(name: name, parameters: parameters, body: body)
  }
}
