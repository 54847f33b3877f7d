import Formats

/// Stores what an expression of a template is worth; kinds and rules are Python's.
enum TemplateValue {
  case undefined(String)
  case none
  case bool(Bool)
  case int(Int)
  /// A whole number beyond `Int`, by its digits: shown and compared, not computed with.
  case largeInt(String)
  case double(Double)
  case string(String)
  case list([TemplateValue])
  case tuple([TemplateValue])
  case dictionary(TemplateDictionary)
  case namespace(TemplateNamespace)
  case loop(TemplateLoop)
  case macro(TemplateMacro)
  /// A function by its name.
  case function(String)

  init(_ node: JSONNode) {
    switch node {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(value)
    case .largeInt(let digits): self = .largeInt(digits)
    case .double(let value): self = .double(value)
    case .string(let text): self = .string(text)
    case .array(let elements): self = .list(elements.map(TemplateValue.init))
    case .object(let members):
      var dictionary = TemplateDictionary()
      for member in members { dictionary[member.name] = TemplateValue(member.value) }
      self = .dictionary(dictionary)
    }
  }

  /// The kind as Python calls it, for messages.
  var kind: String {
    switch self {
    case .undefined: "undefined"
    case .none: "none"
    case .bool: "bool"
    case .int: "int"
    case .largeInt: "int beyond 64 bits"
    case .double: "float"
    case .string: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .namespace: "namespace"
    case .loop: "loop"
    case .macro: "macro"
    case .function: "function"
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .largeInt: true
    case .double(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let elements), .tuple(let elements): !elements.isEmpty
    case .dictionary(let dictionary): !dictionary.entries.isEmpty
    case .namespace, .loop, .macro, .function: true
    }
  }

  /// The whole number, of a truth value too.
  var int: Int? {
    switch self {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var number: Double? {
    if case .double(let value) = self { value } else { int.map(Double.init) }
  }

  /// What a loop goes over; nil for what it cannot.
  var elements: [TemplateValue]? {
    switch self {
    case .undefined: []
    case .list(let elements), .tuple(let elements): elements
    case .string(let text): text.unicodeScalars.map { .string(String($0)) }
    case .dictionary(let dictionary): dictionary.entries.map(\.key)
    default: nil
    }
  }

  /// Whether two values are equal; texts by their characters as written, not by their looks.
  static func areEqual(_ left: TemplateValue, _ right: TemplateValue) -> Bool {
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): true
    case (.string(let a), .string(let b)), (.largeInt(let a), .largeInt(let b)):
      a.utf8.elementsEqual(b.utf8)
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      a.count == b.count && zip(a, b).allSatisfy(areEqual)
    case (.dictionary(let a), .dictionary(let b)):
      a.entries.count == b.entries.count
        && a.entries.allSatisfy { entry in
          b.value(of: entry.key).map { areEqual($0, entry.value) } ?? false
        }
    case (.namespace(let a), .namespace(let b)): a === b
    default:
      if let a = left.int, let b = right.int {
        a == b
      } else if let a = left.number, let b = right.number {
        a == b
      } else {
        false
      }
    }
  }

  /// Whether one comes before the other; nil where that is no question.
  static func precedes(_ left: TemplateValue, _ right: TemplateValue) -> Bool? {
    if case .string(let a) = left, case .string(let b) = right {
      // UTF-8 has the order of the characters' numbers.
      return a.utf8.lexicographicallyPrecedes(b.utf8)
    }
    if let a = left.int, let b = right.int { return a < b }
    guard let a = left.number, let b = right.number else { return nil }
    return a < b
  }
}

/// Stores names (or other values) and values in the order they were put in.
struct TemplateDictionary {
  private(set) var entries: [(key: TemplateValue, value: TemplateValue)] = []

  func value(of key: TemplateValue) -> TemplateValue? {
    entries.first { TemplateValue.areEqual($0.key, key) }?.value
  }

  mutating func set(_ key: TemplateValue, _ value: TemplateValue) {
    if let at = entries.firstIndex(where: { TemplateValue.areEqual($0.key, key) }) {
      entries[at].value = value
    } else {
      entries.append((key, value))
    }
  }

  subscript(name: String) -> TemplateValue? {
    get { value(of: .string(name)) }
    set { if let newValue { set(.string(name), newValue) } }
  }
}

/// Stores what `namespace(…)` makes: the one thing that can be changed from inside a loop.
final class TemplateNamespace {
  var members: [String: TemplateValue]

  init(_ members: [String: TemplateValue]) { self.members = members }
}

/// Stores what `{% macro %}` defines.
struct TemplateMacro {
  let name: String
  let parameters: [(name: String, standard: TemplateExpression?)]
  let body: [TemplateNode]
}

/// Stores where a loop stands.
final class TemplateLoop {
  let elements: [TemplateValue]
  var index0 = 0

  init(_ elements: [TemplateValue]) { self.elements = elements }

  /// `loop.first` and its like; nil if there is none of this name.
  func attribute(_ name: String) -> TemplateValue? {
    switch name {
    case "index": .int(index0 + 1)
    case "index0": .int(index0)
    case "revindex": .int(elements.count - index0)
    case "revindex0": .int(elements.count - index0 - 1)
    case "first": .bool(index0 == 0)
    case "last": .bool(index0 == elements.count - 1)
    case "length": .int(elements.count)
    // Depth is that of recursive loops alone, which there are none of.
    case "depth": .int(1)
    case "depth0": .int(0)
    case "previtem":
      index0 > 0 ? elements[index0 - 1] : .undefined("there is no previous item")
    case "nextitem":
      index0 + 1 < elements.count ? elements[index0 + 1] : .undefined("there is no next item")
    default: nil
    }
  }
}
