/// Stores the targets of Package.swift, in the order in which they stand there.
struct Manifest {
  /// One target.
  struct Target: Equatable {
    /// What it is to the house.
    enum Kind { case c, library, stage, tool, test, testSupport }

    let kind: Kind
    let name: String
    /// Targets of this package and products of others.
    let dependencies: [String]
    /// Those that are products of other packages.
    let foreign: Set<String>
    let folder: String
  }

  let targets: [Target]

  subscript(name: String) -> Target? { targets.first { $0.name == name } }

  /// Reads the list `targets:` of a package description; nil if it has none.
  init?(_ source: String) {
    let bare = Self.withoutComments(source)
    guard let start = bare.start(of: "Package(", after: "let package"),
      let arguments = Expression.list(in: bare[start...]),
      let value = arguments.map({ Expression.label(of: $0) }).first(where: { $0.label == "targets" }
      ),
      let list = Expression.list(in: value.value[...])
    else { return nil }
    targets = list.compactMap { Self.target($0) }
  }

  private static func withoutComments(_ source: String) -> String {
    source.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var quoted = false
      for at in line.indices {
        if line[at] == "\"" { quoted.toggle() }
        if !quoted, line[at...].hasPrefix("//") { return String(line[..<at]) }
      }
      return String(line)
    }.joined(separator: "\n")
  }

  private static func target(_ text: String) -> Target? {
    guard let open = text.firstIndex(of: "(") else { return nil }
    let word = text[..<open].filter { $0 != "." && !$0.isWhitespace }
    guard let arguments = Expression.list(in: text[open...]) else { return nil }
    let labels = arguments.map { Expression.label(of: $0) }
    func value(_ label: String) -> String? {
      labels.first { $0.label == label }.map(\.value)
    }
    guard let name = (value("name") ?? labels.first?.value).map({ Expression.text($0) }) else {
      return nil
    }
    let unlabelled = labels.dropFirst().first { $0.label == nil }?.value
    let declared =
      (value("dependencies") ?? unlabelled)
      .flatMap { Expression.list(in: $0[...]) } ?? []
    var dependencies: [String] = []
    var foreign: Set<String> = []
    for dependency in declared {
      let name = dependency.contains("(") ? Expression.named(in: dependency) : dependency
      dependencies.append(Expression.text(name))
      if dependency.contains(".product(") { foreign.insert(Expression.text(name)) }
    }
    let path = value("path").map { Expression.text($0) }
    let inTests = path?.hasPrefix("Tests/") ?? false
    let kind: Target.Kind
    switch word {
    case "systemLibrary": kind = .c
    case "target" where inTests: kind = .testSupport
    case "target": kind = name.hasPrefix("C") && declared.isEmpty ? .c : .library
    case "library": kind = .library
    case "stage":
      kind = .stage
      dependencies.append("StageKit")
    case "executableTarget": kind = inTests ? .testSupport : .tool
    case "tests", "testTarget":
      kind = .test
      dependencies.append("TestKit")
    default: return nil
    }
    return Target(
      kind: kind, name: name, dependencies: dependencies, foreign: foreign,
      folder: path ?? (kind == .test ? "Tests/\(name)" : "Sources/\(name)"))
  }
}

/// Reads the few forms of expression that a package description is made of.
private enum Expression {
  /// The elements of the first bracketed list in a text, or the arguments of its first call.
  static func list(in text: Substring) -> [String]? {
    guard let open = text.firstIndex(where: { $0 == "[" || $0 == "(" }) else { return nil }
    var elements: [String] = []
    var element = ""
    var depth = 0
    var quoted = false
    for character in text[text.index(after: open)...] {
      if character == "\"" { quoted.toggle() }
      if !quoted {
        if "[(".contains(character) { depth += 1 }
        if "])".contains(character) { depth -= 1 }
        if depth < 0 {
          let last = trimmed(element)
          return last.isEmpty ? elements : elements + [last]
        }
        if character == ",", depth == 0 {
          elements.append(trimmed(element))
          element = ""
          continue
        }
      }
      element.append(character)
    }
    return nil
  }

  /// Splits `label: value`; a label has letters only.
  static func label(of argument: String) -> (label: String?, value: String) {
    guard let colon = argument.firstIndex(of: ":"),
      argument[..<colon].allSatisfy(\.isLetter)
    else { return (nil, argument) }
    return (String(argument[..<colon]), trimmed(String(argument[argument.index(after: colon)...])))
  }

  /// The argument `name:` of a call.
  static func named(in call: String) -> String {
    list(in: call[...])?.map { label(of: $0) }.first { $0.label == "name" }?.value ?? call
  }

  /// A quoted text without its quotes.
  static func text(_ literal: String) -> String { literal.filter { $0 != "\"" } }

  private static func trimmed(_ text: String) -> String {
    let front = text.drop(while: \.isWhitespace)
    guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(front[...last])
  }
}

extension StringProtocol {
  /// Where a word begins; with `after`, the first time behind that other word.
  func start(of word: String, after other: String = "") -> Index? {
    var from = startIndex
    if !other.isEmpty {
      guard let found = self[from...].start(of: other) else { return nil }
      from = found
    }
    var at = from
    while at < endIndex {
      if self[at...].hasPrefix(word) { return at }
      at = index(after: at)
    }
    return nil
  }
}
