extension TemplateParser {
  private static let highest = 200

  private func made(
    _ line: Int, _ form: TemplateExpression.Form
  ) throws(TemplateError) -> TemplateExpression {
    let expression = TemplateExpression(line: line, form: form)
    guard expression.height <= Self.highest else {
      throw .tooMuch(what: "more than \(Self.highest) operations in a row", line: line)
    }
    return expression
  }

  /// Reads an expression, or several with commas between, which make a tuple.
  mutating func parseTupleOrExpression(
    conditional: Bool = true
  ) throws(TemplateError) -> TemplateExpression {
    let line = self.line
    let first = try conditional ? parseExpression() : parseOr()
    guard isSign(",") else { return first }
    var elements = [first]
    while accept(",") {
      switch current.kind {
      case .printClose, .tagClose, .sign(")"), .sign("="): break
      default: elements.append(try conditional ? parseExpression() : parseOr())
      }
    }
    return try made(line, .tuple(elements))
  }

  /// Reads `a if b else c` and what binds closer.
  mutating func parseExpression() throws(TemplateError) -> TemplateExpression {
    try descend()
    defer { depth -= 1 }
    var value = try parseOr()
    while isName("if") {
      let line = self.line
      at += 1
      let condition = try parseOr()
      let otherwise = accept(name: "else") ? try parseExpression() : nil
      value = try made(line, .conditional(value, if: condition, else: otherwise))
    }
    return value
  }

  private mutating func parseOr() throws(TemplateError) -> TemplateExpression {
    var value = try parseAnd()
    while isName("or") {
      let line = self.line
      at += 1
      value = try made(line, .or(value, try parseAnd()))
    }
    return value
  }

  private mutating func parseAnd() throws(TemplateError) -> TemplateExpression {
    var value = try parseNot()
    while isName("and") {
      let line = self.line
      at += 1
      value = try made(line, .and(value, try parseNot()))
    }
    return value
  }

  private mutating func parseNot() throws(TemplateError) -> TemplateExpression {
    let line = self.line
    guard accept(name: "not") else { return try parseComparison() }
    try descend()
    defer { depth -= 1 }
    return try made(line, .not(try parseNot()))
  }

  private mutating func parseComparison() throws(TemplateError) -> TemplateExpression {
    let line = self.line
    let value = try parseSum()
    var others: [(sign: String, to: TemplateExpression)] = []
    while true {
      if case .sign(let sign) = current.kind, ["==", "!=", "<", "<=", ">", ">="].contains(sign) {
        at += 1
        others.append((sign, try parseSum()))
      } else if accept(name: "in") {
        others.append(("in", try parseSum()))
      } else if isName("not"), at + 1 < tokens.count, tokens[at + 1].kind == .name("in") {
        at += 2
        others.append(("not in", try parseSum()))
      } else {
        return others.isEmpty
          ? value : try made(line, .compare(value, others))
      }
    }
  }

  private mutating func parseSum() throws(TemplateError) -> TemplateExpression {
    var value = try parseJoin()
    while case .sign(let sign) = current.kind, sign == "+" || sign == "-" {
      let line = self.line
      at += 1
      value = try made(line, .arithmetic(sign, value, try parseJoin()))
    }
    return value
  }

  private mutating func parseJoin() throws(TemplateError) -> TemplateExpression {
    var value = try parseProduct()
    while isSign("~") {
      let line = self.line
      at += 1
      value = try made(line, .arithmetic("~", value, try parseProduct()))
    }
    return value
  }

  private mutating func parseProduct() throws(TemplateError) -> TemplateExpression {
    var value = try parseSigned()
    while case .sign(let sign) = current.kind, ["*", "/", "//", "%"].contains(sign) {
      let line = self.line
      at += 1
      value = try made(line, .arithmetic(sign, value, try parseSigned()))
    }
    if isSign("**") { throw .unsupported(construct: "the power **", line: line) }
    return value
  }

  /// Reads a sign, and behind what it belongs to the filters of both: `-1 | abs` is `(-1) | abs`.
  private mutating func parseSigned(filters: Bool = true) throws(TemplateError)
    -> TemplateExpression
  {
    try descend()
    defer { depth -= 1 }
    let line = self.line
    let value: TemplateExpression
    if accept("-") {
      value = try made(line, .negative(try parseSigned(filters: false)))
    } else if accept("+") {
      value = try made(line, .positive(try parseSigned(filters: false)))
    } else {
      value = try parsePostfix(try parsePrimary())
    }
    return filters ? try parseFilters(value) : value
  }

  private mutating func parsePrimary() throws(TemplateError) -> TemplateExpression {
    let token = current
    func made(_ form: TemplateExpression.Form) throws(TemplateError) -> TemplateExpression {
      try self.made(token.line, form)
    }
    switch token.kind {
    case .name(let name):
      at += 1
      switch name {
      case "true", "True": return try made(.bool(true))
      case "false", "False": return try made(.bool(false))
      case "none", "None": return try made(.none)
      case "if", "else", "elif", "and", "or", "not", "in", "is", "for":
        throw .syntax(found: token.words, expected: "an expression", line: token.line)
      default: return try made(.name(name))
      }
    case .string(var text):
      at += 1
      while case .string(let more) = current.kind {
        text += more
        at += 1
      }
      return try made(.string(text))
    case .int(let value):
      at += 1
      return try made(.int(value))
    case .double(let value):
      at += 1
      return try made(.double(value))
    case .sign("("):
      at += 1
      if accept(")") { return try made(.tuple([])) }
      let value = try parseTupleOrExpression()
      try expect(")")
      return value
    case .sign("["):
      at += 1
      var elements: [TemplateExpression] = []
      while !accept("]") {
        if !elements.isEmpty {
          try expect(",")
          if accept("]") { break }
        }
        elements.append(try parseExpression())
      }
      return try made(.list(elements))
    case .sign("{"):
      at += 1
      var entries: [(key: TemplateExpression, value: TemplateExpression)] = []
      while !accept("}") {
        if !entries.isEmpty {
          try expect(",")
          if accept("}") { break }
        }
        let key = try parseExpression()
        try expect(":")
        entries.append((key, try parseExpression()))
      }
      return try made(.dictionary(entries))
    default: throw unexpected("an expression")
    }
  }

  private mutating func parsePostfix(
    _ start: TemplateExpression
  ) throws(TemplateError) -> TemplateExpression {
    var value = start
    while true {
      let line = self.line
      let form: TemplateExpression.Form
      if accept(".") {
        if case .int(let index) = current.kind {
          at += 1
          form = .item(value, try made(line, .int(index)))
        } else {
          form = .attribute(value, try parseName())
        }
      } else if accept("[") {
        form = try parseSubscript(value)
      } else if isSign("(") {
        form = .call(value, try parseArguments())
      } else {
        return value
      }
      value = try made(line, form)
    }
  }

  private mutating func parseSubscript(
    _ value: TemplateExpression
  ) throws(TemplateError) -> TemplateExpression.Form {
    var parts: [TemplateExpression?] = [nil]
    while !accept("]") {
      if accept(":") {
        parts.append(nil)
      } else if parts[parts.count - 1] == nil {
        parts[parts.count - 1] = try parseExpression()
      } else {
        throw unexpected("']'")
      }
    }
    if parts.count == 1, let index = parts[0] { return .item(value, index) }
    guard (2...3).contains(parts.count) else { throw unexpected("an index") }
    return .slice(value, from: parts[0], to: parts[1], step: parts.count == 3 ? parts[2] : nil)
  }

  mutating func parseArguments() throws(TemplateError) -> TemplateArguments {
    try expect("(")
    var arguments = TemplateArguments()
    var isFirst = true
    while !accept(")") {
      if !isFirst {
        try expect(",")
        if accept(")") { break }
      }
      isFirst = false
      if isSign("*") || isSign("**") {
        throw .unsupported(construct: "unpacked arguments", line: line)
      }
      if case .name(let name) = current.kind, at + 1 < tokens.count,
        tokens[at + 1].kind == .sign("=")
      {
        at += 2
        arguments.named.append((name, try parseExpression()))
      } else {
        guard arguments.named.isEmpty else { throw unexpected("a named argument") }
        arguments.plain.append(try parseExpression())
      }
    }
    return arguments
  }

  private mutating func parseFilters(
    _ start: TemplateExpression
  ) throws(TemplateError) -> TemplateExpression {
    var value = start
    while true {
      let line = self.line
      let form: TemplateExpression.Form
      if accept("|") {
        let name = try parseName()
        form = .filter(value, name, isSign("(") ? try parseArguments() : TemplateArguments())
      } else if accept(name: "is") {
        let isNegated = accept(name: "not")
        let name = try parseName()
        form = .test(value, name, try parseTestArguments(), isNegated: isNegated)
      } else if isSign("(") {
        form = .call(value, try parseArguments())
      } else {
        return value
      }
      value = try made(line, form)
    }
  }

  /// Reads what a test is given: in brackets, or one thing right behind it.
  private mutating func parseTestArguments() throws(TemplateError) -> TemplateArguments {
    if isSign("(") { return try parseArguments() }
    switch current.kind {
    case .string, .int, .double, .sign("["), .sign("{"): break
    case .name(let name) where !["else", "or", "and", "is", "in", "if", "not"].contains(name): break
    default: return TemplateArguments()
    }
    return TemplateArguments(plain: [try parsePostfix(try parsePrimary())])
  }
}
