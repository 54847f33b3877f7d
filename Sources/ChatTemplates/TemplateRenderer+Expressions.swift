extension TemplateRenderer {
  /// What can be called by name.
  static let functions: Set<String> = ["range", "namespace", "dict", "raise_exception"]
  private static let mostRange = 100_000

  mutating func evaluate(_ expression: TemplateExpression) throws(TemplateError) -> TemplateValue {
    let line = expression.line
    try count(line: line)
    let value = try computed(expression, line: line)
    switch expression.form {
    case .list, .tuple, .dictionary, .slice, .call, .arithmetic: try account(value, line: line)
    default: break
    }
    return value
  }

  private mutating func computed(
    _ expression: TemplateExpression, line: Int
  ) throws(TemplateError) -> TemplateValue {
    switch expression.form {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .double(let value): return .double(value)
    case .string(let text): return .string(text)
    case .name(let name): return lookUp(name)
    case .list(let elements): return .list(try evaluate(elements))
    case .tuple(let elements): return .tuple(try evaluate(elements))
    case .dictionary(let entries):
      var dictionary = TemplateDictionary()
      for (key, value) in entries { dictionary.set(try evaluate(key), try evaluate(value)) }
      return .dictionary(dictionary)
    case .attribute(let owner, let name):
      return try attribute(name, of: try evaluate(owner), owner, line: line)
    case .item(let owner, let index):
      return try item(try evaluate(index), of: try evaluate(owner), owner, line: line)
    case .slice(let owner, let from, let to, let step):
      return try slice(try evaluate(owner), from, to, step, line: line)
    case .call(let callee, let arguments): return try call(callee, arguments, line: line)
    case .filter(let value, let name, let arguments):
      return try filter(name, try evaluate(value), try given(arguments), line: line)
    case .test(let value, let name, let arguments, let isNegated):
      let holds = try test(
        name, try evaluate(value), try given(arguments), line: line)
      return .bool(holds != isNegated)
    case .not(let value): return .bool(!(try evaluate(value).isTrue))
    case .negative(let value):
      let value = try evaluate(value)
      if let int = value.int, int != .min { return .int(-int) }
      guard case .double(let number) = value else {
        throw .wrongType(operation: "-", found: value.kind, line: line)
      }
      return .double(-number)
    case .positive(let value):
      let value = try evaluate(value)
      guard value.number != nil else {
        throw .wrongType(operation: "+", found: value.kind, line: line)
      }
      return value
    case .and(let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? try evaluate(right) : value
    case .or(let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? value : try evaluate(right)
    case .arithmetic(let sign, let left, let right):
      return try compute(sign, try evaluate(left), try evaluate(right), line: line)
    case .compare(let first, let others):
      var left = try evaluate(first)
      for (sign, other) in others {
        let right = try evaluate(other)
        guard try holds(left, sign, right, line: line) else { return .bool(false) }
        left = right
      }
      return .bool(true)
    case .conditional(let value, let condition, let otherwise):
      if try evaluate(condition).isTrue { return try evaluate(value) }
      guard let otherwise else { return .undefined("an `if` without `else`") }
      return try evaluate(otherwise)
    }
  }

  private mutating func evaluate(
    _ expressions: [TemplateExpression]
  ) throws(TemplateError) -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  /// Evaluates arguments.
  private mutating func given(
    _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateCall {
    var call = TemplateCall(plain: try evaluate(arguments.plain))
    for (name, value) in arguments.named { call.named[name] = try evaluate(value) }
    return call
  }

  // MARK: Parts

  /// The name an expression would have in a message.
  private func words(_ expression: TemplateExpression) -> String {
    switch expression.form {
    case .name(let name): name
    case .attribute(let owner, let name): "\(words(owner)).\(name)"
    case .item(let owner, let index):
      switch index.form {
      case .string(let name): "\(words(owner))['\(name)']"
      case .int(let value): "\(words(owner))[\(value)]"
      default: "\(words(owner))[…]"
      }
    default: "a value"
    }
  }

  private func attribute(
    _ name: String, of owner: TemplateValue, _ expression: TemplateExpression, line: Int
  ) throws(TemplateError) -> TemplateValue {
    switch owner {
    case .undefined: throw .undefined(name: words(expression), line: line)
    case .namespace(let namespace): return namespace.members[name] ?? .undefined(name)
    case .loop(let loop):
      if let value = loop.attribute(name) { return value }
      throw .unsupported(construct: "loop.\(name)", line: line)
    case .dictionary(let dictionary):
      if Self.pythonMethods.contains(name) {
        throw .unsupported(construct: "the method .\(name) without a call", line: line)
      }
      return dictionary[name] ?? .undefined(name)
    default:
      if Self.pythonMethods.contains(name) {
        throw .unsupported(construct: "the method .\(name) without a call", line: line)
      }
      return .undefined(name)
    }
  }

  private func item(
    _ index: TemplateValue, of owner: TemplateValue, _ expression: TemplateExpression, line: Int
  ) throws(TemplateError) -> TemplateValue {
    switch owner {
    case .undefined: throw .undefined(name: words(expression), line: line)
    case .dictionary(let dictionary):
      if let value = dictionary.value(of: index) { return value }
      if case .string(let name) = index, Self.pythonMethods.contains(name) {
        throw .unsupported(construct: "the method ['\(name)']", line: line)
      }
      return .undefined(index.text)
    case .list(let elements), .tuple(let elements):
      guard let index = index.int else { return .undefined(index.text) }
      let place = index < 0 ? index + elements.count : index
      return elements.indices.contains(place) ? elements[place] : .undefined("[\(index)]")
    case .string(let text):
      guard let index = index.int else { return .undefined(index.text) }
      let scalars = Array(text.unicodeScalars)
      let place = index < 0 ? index + scalars.count : index
      return scalars.indices.contains(place)
        ? .string(String(scalars[place])) : .undefined("[\(index)]")
    case .namespace(let namespace):
      guard case .string(let name) = index else { return .undefined(index.text) }
      return namespace.members[name] ?? .undefined(name)
    case .loop(let loop):
      guard case .string(let name) = index, let value = loop.attribute(name) else {
        throw .unsupported(construct: "loop[\(index.text)]", line: line)
      }
      return value
    default: return .undefined(index.text)
    }
  }

  private mutating func slice(
    _ owner: TemplateValue, _ from: TemplateExpression?, _ to: TemplateExpression?,
    _ step: TemplateExpression?, line: Int
  ) throws(TemplateError) -> TemplateValue {
    func bound(_ expression: TemplateExpression?) throws(TemplateError) -> Int? {
      guard let expression else { return nil }
      let value = try evaluate(expression)
      if case .none = value { return nil }
      guard let value = value.int else {
        throw .wrongType(operation: "a slice", found: value.kind, line: line)
      }
      return value
    }
    let start = try bound(from)
    let end = try bound(to)
    let stride = try bound(step)
    func cut(_ count: Int) throws(TemplateError) -> [Int] {
      let step = stride ?? 1
      guard step != 0 else { throw .wrongType(operation: "a slice", found: "step 0", line: line) }
      // As Python clamps: to 0…count going up, to −1…count−1 going down.
      let low = step > 0 ? 0 : -1
      let high = step > 0 ? count : count - 1
      func clamped(_ value: Int) -> Int {
        min(max(value < 0 ? value + count : value, low), high)
      }
      let first = start.map(clamped) ?? (step > 0 ? low : high)
      let last = end.map(clamped) ?? (step > 0 ? high : low)
      return Array(Swift.stride(from: first, to: last, by: step))
    }
    switch owner {
    case .list(let elements): return .list(try cut(elements.count).map { elements[$0] })
    case .tuple(let elements): return .tuple(try cut(elements.count).map { elements[$0] })
    case .string(let text):
      let scalars = Array(text.unicodeScalars)
      var result = String.UnicodeScalarView()
      for place in try cut(scalars.count) { result.append(scalars[place]) }
      return .string(String(result))
    default: throw .wrongType(operation: "a slice", found: owner.kind, line: line)
    }
  }

  // MARK: Computing

  private func compute(
    _ sign: String, _ left: TemplateValue, _ right: TemplateValue, line: Int
  ) throws(TemplateError) -> TemplateValue {
    func wrong() -> TemplateError {
      .wrongType(operation: sign, found: "\(left.kind) and \(right.kind)", line: line)
    }
    switch (sign, left, right) {
    case ("~", _, _):
      guard left.isPrintable, right.isPrintable else { throw wrong() }
      return .string(left.text + right.text)
    case ("+", .string(let a), .string(let b)): return .string(a + b)
    case ("+", .list(let a), .list(let b)): return .list(a + b)
    case ("+", .tuple(let a), .tuple(let b)): return .tuple(a + b)
    case ("*", .string(let text), _):
      guard let times = right.int.map({ max($0, 0) }) else { throw wrong() }
      let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: times)
      guard !overflow, bytes < 1 << 20 else { throw wrong() }
      return .string(String(repeating: text, count: times))
    default: break
    }
    if let a = left.int, let b = right.int, sign != "/" {
      let result: (partialValue: Int, overflow: Bool)
      switch sign {
      case "+": result = a.addingReportingOverflow(b)
      case "-": result = a.subtractingReportingOverflow(b)
      case "*": result = a.multipliedReportingOverflow(by: b)
      case "//", "%":
        guard b != 0, !(a == .min && b == -1) else { throw wrong() }
        // Python rounds down, and a remainder has the sign of what is divided by.
        let remainder = a % b
        let isOff = remainder != 0 && (remainder < 0) != (b < 0)
        return .int(sign == "%" ? remainder + (isOff ? b : 0) : a / b - (isOff ? 1 : 0))
      default: throw wrong()
      }
      guard !result.overflow else { throw wrong() }
      return .int(result.partialValue)
    }
    guard let a = left.number, let b = right.number else { throw wrong() }
    switch sign {
    case "+": return .double(a + b)
    case "-": return .double(a - b)
    case "*": return .double(a * b)
    case "/":
      guard b != 0 else { throw wrong() }
      return .double(a / b)
    case "//", "%":
      guard b != 0 else { throw wrong() }
      let (quotient, remainder) = Self.floored(a, by: b)
      return .double(sign == "//" ? quotient : remainder)
    default: throw wrong()
    }
  }

  /// Division rounded down, and what remains with the sign of the divisor, bit by bit as Python has
  /// them.
  private static func floored(_ a: Double, by b: Double) -> (quotient: Double, remainder: Double) {
    var remainder = a.truncatingRemainder(dividingBy: b)
    var quotient = (a - remainder) / b
    if remainder == 0 {
      remainder = Double(signOf: b, magnitudeOf: 0)
    } else if (remainder < 0) != (b < 0) {
      remainder += b
      quotient -= 1
    }
    guard quotient != 0 else { return (Double(signOf: a / b, magnitudeOf: 0), remainder) }
    let down = quotient.rounded(.down)
    return (quotient - down > 0.5 ? down + 1 : down, remainder)
  }

  private func holds(
    _ left: TemplateValue, _ sign: String, _ right: TemplateValue, line: Int
  ) throws(TemplateError) -> Bool {
    func precedes(_ a: TemplateValue, _ b: TemplateValue) throws(TemplateError) -> Bool {
      guard let result = TemplateValue.precedes(a, b) else {
        throw .wrongType(operation: sign, found: "\(left.kind) and \(right.kind)", line: line)
      }
      return result
    }
    switch sign {
    case "==": return TemplateValue.areEqual(left, right)
    case "!=": return !TemplateValue.areEqual(left, right)
    case "<": return try precedes(left, right)
    case ">": return try precedes(right, left)
    case "<=": return try !precedes(right, left)
    case ">=": return try !precedes(left, right)
    case "not in": return try !holds(left, "in", right, line: line)
    default:
      if case .string(let text) = right {
        guard case .string(let part) = left else {
          throw .wrongType(operation: "in", found: "\(left.kind) and str", line: line)
        }
        return Text.contains(text, part)
      }
      guard let elements = right.elements else {
        throw .wrongType(operation: "in", found: "\(left.kind) and \(right.kind)", line: line)
      }
      return elements.contains { TemplateValue.areEqual($0, left) }
    }
  }

  // MARK: Calls

  private mutating func call(
    _ callee: TemplateExpression, _ arguments: TemplateArguments, line: Int
  ) throws(TemplateError) -> TemplateValue {
    if case .attribute(let owner, let name) = callee.form {
      let value = try evaluate(owner)
      if case .undefined = value { throw .undefined(name: words(owner), line: line) }
      let isMember: Bool
      if case .namespace(let namespace) = value {
        isMember = namespace.members[name] != nil
      } else {
        isMember = false
      }
      if !isMember { return try method(name, of: value, try given(arguments), line: line) }
    }
    let call = try given(arguments)
    switch try evaluate(callee) {
    case .macro(let macro): return try self.call(macro, call.plain, call.named, line: line)
    case .function(let name): return try function(name, call, line: line)
    case .undefined:
      if case .name("strftime_now") = callee.form { throw .wantsDate(line: line) }
      throw .undefined(name: words(callee) + "()", line: line)
    case let other: throw .wrongType(operation: "a call", found: other.kind, line: line)
    }
  }

  private mutating func function(
    _ name: String, _ call: TemplateCall, line: Int
  ) throws(TemplateError) -> TemplateValue {
    switch name {
    case "raise_exception":
      guard call.plain.count == 1, call.named.isEmpty else {
        throw .wrongType(operation: name, found: "not one argument", line: line)
      }
      throw .raised(message: call.plain[0].text, line: line)
    case "namespace", "dict":
      for value in call.named.values { try Self.contain(value, line: line) }
      var members = call.named
      var dictionary = TemplateDictionary()
      if let first = call.plain.first {
        guard call.plain.count == 1, case .dictionary(let entries) = first else {
          throw .wrongType(operation: "\(name)()", found: first.kind, line: line)
        }
        dictionary = entries
        for (key, value) in entries.entries where members[key.text] == nil {
          members[key.text] = value
        }
      }
      if name == "namespace" { return .namespace(TemplateNamespace(members)) }
      guard call.named.count <= 1 else {
        throw .unsupported(construct: "dict() with several names", line: line)
      }
      for (name, value) in call.named { dictionary[name] = value }
      return .dictionary(dictionary)
    default:
      let numbers = call.plain.compactMap(\.int)
      guard call.named.isEmpty, numbers.count == call.plain.count, (1...3).contains(numbers.count),
        numbers.count < 3 || numbers[2] != 0
      else { throw .wrongType(operation: "range()", found: "other arguments", line: line) }
      let from = numbers.count > 1 ? numbers[0] : 0
      let to = numbers.count > 1 ? numbers[1] : numbers[0]
      let step = numbers.count > 2 ? numbers[2] : 1
      var elements: [TemplateValue] = []
      for value in stride(from: from, to: to, by: step) {
        guard elements.count < Self.mostRange else {
          throw .tooMuch(what: "a range of more than \(Self.mostRange)", line: line)
        }
        elements.append(.int(value))
      }
      try count(elements.count, line: line)
      return .list(elements)
    }
  }
}

/// Stores the values a filter, test, method or function is called with.
struct TemplateCall {
  var plain: [TemplateValue] = []
  var named: [String: TemplateValue] = [:]

  /// The argument at a place or of a name.
  func argument(_ place: Int, _ name: String) -> TemplateValue? {
    place < plain.count ? plain[place] : named[name]
  }
}
