/// Carries out a template.
struct TemplateRenderer {
  /// What names stand for, the innermost last; the first is the template's own level.
  var scopes: [[String: TemplateValue]]
  private let globals: [String: TemplateValue]
  private var output = ""
  private var work = 0
  /// Bytes of texts and lists made so far.
  var madeBytes = 0
  private var calls = 0
  /// A template that does more than this is not one for prompts.
  private static let mostWork = 5_000_000
  private static let mostOutput = 1 << 26
  private static let deepestCalls = 30

  init(globals: [String: TemplateValue]) {
    self.globals = globals
    scopes = [[:]]
  }

  mutating func render(_ body: [TemplateNode]) throws(TemplateError) -> String {
    _ = try run(body)
    return output
  }

  /// Counts work, so that no template runs for ever.
  mutating func count(_ amount: Int = 1, line: Int) throws(TemplateError) {
    work += amount
    guard work <= Self.mostWork else {
      throw .tooMuch(what: "more than \(Self.mostWork) steps", line: line)
    }
  }

  func lookUp(_ name: String) -> TemplateValue {
    for scope in scopes.reversed() { if let value = scope[name] { return value } }
    if let value = globals[name] { return value }
    return Self.functions.contains(name) ? .function(name) : .undefined(name)
  }

  private mutating func set(_ name: String, _ value: TemplateValue) {
    scopes[scopes.count - 1][name] = value
  }

  /// How a run of nodes ended.
  private enum Flow {
    case on
    case leave
    case next
  }

  private mutating func write(_ text: String, line: Int) throws(TemplateError) {
    output += text
    madeBytes += text.utf8.count
    guard madeBytes <= Self.mostMade, output.utf8.count <= Self.mostOutput else {
      throw .tooMuch(what: "more than \(Self.mostOutput) bytes of text", line: line)
    }
  }

  private mutating func run(_ body: [TemplateNode]) throws(TemplateError) -> Flow {
    for node in body {
      try count(line: node.line)
      let flow = try run(node)
      if flow != .on { return flow }
    }
    return .on
  }

  private mutating func run(_ node: TemplateNode) throws(TemplateError) -> Flow {
    switch node.form {
    case .text(let text): try write(text, line: node.line)
    case .print(let expression):
      let value = try evaluate(expression)
      guard value.isPrintable else {
        throw .wrongType(operation: "printing", found: value.kind, line: node.line)
      }
      try write(value.text, line: node.line)
    case .choice(let branches, let otherwise):
      for branch in branches where try evaluate(branch.condition).isTrue {
        return try run(branch.body)
      }
      return try run(otherwise)
    case .loop(let names, let over, let condition, let body, let otherwise):
      return try runLoop(names, over, condition, body, otherwise)
    case .set(let names, let value):
      let value = try evaluate(value)
      for (name, value) in try unpack(value, names, line: node.line) { set(name, value) }
    case .setMember(let owner, let name, let value):
      let value = try evaluate(value)
      guard case .namespace(let namespace) = lookUp(owner) else {
        throw .wrongType(
          operation: "setting .\(name)", found: lookUp(owner).kind, line: node.line)
      }
      try Self.contain(value, line: node.line)
      namespace.members[name] = value
    case .setBlock(let name, let body): set(name, .string(try captured(body)))
    case .macro(let name, let parameters, let body):
      // It would see the names of the loop around it, wherever it is called.
      guard scopes.count == 1 else {
        throw .unsupported(construct: "macro \(name) inside of a loop or macro", line: node.line)
      }
      set(name, .macro(TemplateMacro(name: name, parameters: parameters, body: body)))
    case .leave: return .leave
    case .next: return .next
    case .group(let body): return try run(body)
    }
    return .on
  }

  /// The text a run of nodes writes, in a scope of its own.
  private mutating func captured(_ body: [TemplateNode]) throws(TemplateError) -> String {
    let before = output
    output = ""
    scopes.append([:])
    defer {
      output = before
      scopes.removeLast()
    }
    _ = try run(body)
    return output
  }

  private mutating func unpack(
    _ value: TemplateValue, _ names: [String], line: Int
  ) throws(TemplateError) -> [(String, TemplateValue)] {
    if names.count == 1 { return [(names[0], value)] }
    guard let elements = try Self.elements(of: value, line: line), elements.count == names.count,
      !value.isUndefined
    else {
      throw .wrongType(operation: "taking \(names.count) values out", found: value.kind, line: line)
    }
    return Array(zip(names, elements))
  }

  private mutating func runLoop(
    _ names: [String], _ over: TemplateExpression, _ condition: TemplateExpression?,
    _ body: [TemplateNode], _ otherwise: [TemplateNode]
  ) throws(TemplateError) -> Flow {
    let value = try evaluate(over)
    guard var elements = try Self.elements(of: value, line: over.line) else {
      throw .wrongType(operation: "a loop", found: value.kind, line: over.line)
    }
    if let condition {
      var kept: [TemplateValue] = []
      for element in elements {
        try count(line: condition.line)
        scopes.append([:])
        defer { scopes.removeLast() }
        for (name, value) in try unpack(element, names, line: over.line) { set(name, value) }
        if try evaluate(condition).isTrue { kept.append(element) }
      }
      elements = kept
    }
    guard !elements.isEmpty else {
      scopes.append([:])
      defer { scopes.removeLast() }
      return try run(otherwise)
    }
    let loop = TemplateLoop(elements)
    for (index, element) in elements.enumerated() {
      loop.index0 = index
      scopes.append(["loop": .loop(loop)])
      defer { scopes.removeLast() }
      for (name, value) in try unpack(element, names, line: over.line) { set(name, value) }
      if try run(body) == .leave { break }
    }
    return .on
  }

  /// Calls a macro: it sees its arguments and the template's own level.
  mutating func call(
    _ macro: TemplateMacro, _ plain: [TemplateValue], _ named: [String: TemplateValue], line: Int
  ) throws(TemplateError) -> TemplateValue {
    calls += 1
    defer { calls -= 1 }
    guard calls <= Self.deepestCalls else {
      throw .tooMuch(what: "macros that call each other without end", line: line)
    }
    let names = macro.parameters.map(\.name)
    guard plain.count <= names.count, named.keys.allSatisfy(names.contains) else {
      throw .wrongType(
        operation: "\(macro.name)()", found: "arguments it does not name", line: line)
    }
    let outside = scopes
    scopes = [outside[0], [:]]
    defer { scopes = outside }
    for (index, parameter) in macro.parameters.enumerated() {
      let given = index < plain.count ? plain[index] : named[parameter.name]
      var value = given ?? .undefined(parameter.name)
      if given == nil, let standard = parameter.standard { value = try evaluate(standard) }
      set(parameter.name, value)
    }
    return .string(try captured(macro.body))
  }
}
