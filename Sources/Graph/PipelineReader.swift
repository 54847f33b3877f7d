import Bytes
import Yams

/// Reads a pipeline from YAML, collecting every problem rather than stopping at the first.
struct PipelineReader {
  private let file: String
  private var problems: [Problem] = []

  init(file: String) { self.file = file }

  mutating func read(_ text: String) throws(InvalidPipeline) -> Pipeline {
    let root = try compose(text)
    let pipeline = readPipeline(root)
    guard let pipeline, problems.isEmpty else {
      throw InvalidPipeline(file: file, problems: problems)
    }
    return pipeline
  }

  private func compose(_ text: String) throws(InvalidPipeline) -> Yams.Node {
    do {
      guard let root = try Yams.compose(yaml: text) else {
        throw InvalidPipeline(file: file, problems: [.noNodes])
      }
      return root
    } catch let error as YamlError {
      throw InvalidPipeline(file: file, problems: [Self.problem(error)])
    } catch let error as InvalidPipeline {
      throw error
    } catch {
      throw InvalidPipeline(file: file, problems: [.syntax(line: 0, text: "\(error)")])
    }
  }

  private static func problem(_ error: YamlError) -> Problem {
    switch error {
    case .scanner(_, let text, let mark, _), .parser(_, let text, let mark, _),
      .composer(_, let text, let mark, _):
      return .syntax(line: mark.line, text: text)
    case .duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.sorted().joined(separator: ", ")
      let line = context.mark.line
      return .syntax(line: line, text: "the same key stands twice: \(names)")
    default:
      return .syntax(line: 0, text: "\(error)")
    }
  }

  private mutating func readPipeline(_ root: Yams.Node) -> Pipeline? {
    guard
      let fields = fields(
        of: root, place: "the pipeline", known: ["version", "sources", "nodes", "users"])
    else { return nil }
    if let version = fields["version"] {
      if version.string != "1" {
        problems.append(.unsupportedVersion(found: version.string ?? "not a number"))
      }
    } else {
      problems.append(.missingKey("version", place: "the pipeline", line: 1))
    }
    var pipeline = Pipeline(file: file, nodes: [])
    if let users = fields["users"] { pipeline.users = text(users, place: "'users'") }
    if let sources = fields["sources"] {
      for (name, value) in pairs(of: sources, place: "'sources'") {
        pipeline.sources[name] = readSource(value, name: name)
      }
    }
    guard let nodes = fields["nodes"] else {
      problems.append(.noNodes)
      return pipeline
    }
    for (name, value) in pairs(of: nodes, place: "'nodes'") {
      if let node = readNode(value, name: name) { pipeline.nodes.append(node) }
    }
    if pipeline.nodes.isEmpty && problems.isEmpty { problems.append(.noNodes) }
    return pipeline
  }

  private mutating func readSource(_ value: Yams.Node, name: String) -> Pipeline.Source {
    guard value.mapping != nil else {
      return Pipeline.Source(text(value, place: "source '\(name)'") ?? "")
    }
    let place = "source '\(name)'"
    let fields = fields(of: value, place: place, known: ["path", "optional"]) ?? [:]
    guard let path = fields["path"] else {
      problems.append(.missingKey("path", place: place, line: line(value)))
      return Pipeline.Source("")
    }
    return Pipeline.Source(
      text(path, place: "'path' of \(place)") ?? "",
      optional: fields["optional"].map { truth($0, place: "'optional' of \(place)") } ?? false)
  }

  private static let nodeKeys = [
    "stage", "command", "scope", "in", "out", "set", "resources", "over", "secrets",
  ]

  private mutating func readNode(_ value: Yams.Node, name: String) -> Node? {
    let place = "node '\(name)'"
    let line = line(value)
    if !Self.isName(name) { problems.append(.badName(name, line: line)) }
    guard let fields = fields(of: value, place: place, known: Self.nodeKeys) else { return nil }
    guard let work = readWork(fields, name: name, line: line) else { return nil }
    var node = Node(name, work, line: line)
    if let scope = fields["scope"] { node.scope = readScope(scope, node: name) }
    if let inputs = fields["in"] {
      for (input, reference) in pairs(of: inputs, place: "'in' of \(place)") {
        guard let text = text(reference, place: "input '\(input)' of \(place)") else { continue }
        node.inputs[input] = Self.reference(text)
      }
    }
    if let settings = fields["set"] {
      for (parameter, value) in pairs(of: settings, place: "'set' of \(place)") {
        node.settings[parameter] = scalar(value, place: "parameter '\(parameter)' of \(place)")
      }
    }
    if let outputs = fields["out"] { node.outputs = texts(outputs, place: "'out' of \(place)") }
    if let secrets = fields["secrets"] {
      node.secrets = texts(secrets, place: "'secrets' of \(place)")
    }
    if let resources = fields["resources"] {
      node.resources = readResources(resources, place: "'resources' of \(place)")
    }
    if let over = fields["over"] {
      node.over = text(over, place: "'over' of \(place)")
      if node.scope != .gather {
        problems.append(.onlyForGather(key: "over", node: name, line: self.line(over)))
      }
    }
    if case .stage = work {
      for key in ["out", "secrets"] where fields[key] != nil {
        problems.append(.onlyForCommands(key: key, node: name, line: line))
      }
    }
    return node
  }

  private mutating func readWork(
    _ fields: [String: Yams.Node], name: String, line: Int
  ) -> Node.Work? {
    switch (fields["stage"], fields["command"]) {
    case (let stage?, nil):
      return text(stage, place: "'stage' of node '\(name)'").map(Node.Work.stage)
    case (nil, let command?):
      let words = texts(command, place: "'command' of node '\(name)'")
      if words.isEmpty {
        problems.append(
          .wrongShape(
            place: "'command' of node '\(name)'", expected: "a list of words", line: line))
        return nil
      }
      return .command(words)
    case (_?, _?):
      problems.append(.stageAndCommand(node: name, line: line))
      return nil
    case (nil, nil):
      problems.append(.missingKey("stage", place: "node '\(name)'", line: line))
      return nil
    }
  }

  private mutating func readScope(_ value: Yams.Node, node: String) -> Node.Scope {
    let word = text(value, place: "'scope' of node '\(node)'") ?? ""
    if let scope = Node.Scope(rawValue: word) { return scope }
    problems.append(
      .unknownScope(
        word, node: node, line: line(value),
        meant: Suggestion.nearest(to: word, among: Node.Scope.allCases.map(\.rawValue))))
    return .user
  }

  private mutating func readResources(
    _ value: Yams.Node, place: String
  ) -> StageDescription.Resources {
    var resources = StageDescription.Resources()
    let fields = fields(of: value, place: place, known: ["cores", "memory"]) ?? [:]
    if let cores = fields["cores"] {
      resources.cores = cores.string.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
      if resources.cores == nil {
        problems.append(
          .wrongShape(
            place: "'cores' in \(place)", expected: "a whole number above 0", line: line(cores)))
      }
    }
    if let memory = fields["memory"] {
      resources.memory = memory.string.flatMap(Self.bytes)
      if resources.memory == nil {
        problems.append(
          .wrongShape(
            place: "'memory' in \(place)", expected: "a size such as 2 GiB or 500 MB",
            line: line(memory)))
      }
    }
    return resources
  }

  /// Reads a size with a unit; powers of 1,024 with `i`, of 1,000 without.
  static func bytes(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count).trimmingPrefix(while: { $0 == " " }).lowercased()
    let factors = [
      "": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 0x1p10, "mib": 0x1p20,
      "gib": 0x1p30, "tib": 0x1p40,
    ]
    guard let number = Double(digits), let factor = factors[unit], number > 0,
      number * factor < 0x1p62
    else { return nil }
    return Int(number * factor)
  }

  static func reference(_ text: String) -> Node.Reference {
    let gathered = text.hasPrefix("*.")
    let rest = gathered ? text.dropFirst(2) : text[...]
    guard let dot = rest.firstIndex(of: ".") else {
      return gathered ? .gathered(node: String(rest), output: "") : .source(text)
    }
    let node = String(rest[..<dot])
    let output = String(rest[rest.index(after: dot)...])
    return gathered ? .gathered(node: node, output: output) : .output(node: node, output: output)
  }

  static func isName(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { unit in
        switch unit {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  // MARK: YAML shapes

  private func line(_ node: Yams.Node) -> Int { node.mark?.line ?? 0 }

  /// Returns the entries of a mapping in the order of the file.
  private mutating func pairs(of node: Yams.Node, place: String) -> [(String, Yams.Node)] {
    guard let mapping = node.mapping else {
      // An empty value is an empty mapping.
      if node.string?.isEmpty != true {
        problems.append(
          .wrongShape(place: place, expected: "a mapping (NAME: VALUE)", line: line(node)))
      }
      return []
    }
    return mapping.compactMap { key, value in key.string.map { ($0, value) } }
  }

  private mutating func fields(
    of node: Yams.Node, place: String, known: [String]
  ) -> [String: Yams.Node]? {
    guard node.mapping != nil else {
      problems.append(
        .wrongShape(place: place, expected: "a mapping (KEY: VALUE)", line: line(node)))
      return nil
    }
    var fields: [String: Yams.Node] = [:]
    for (key, value) in pairs(of: node, place: place) {
      if known.contains(key) {
        fields[key] = value
      } else {
        problems.append(
          .unknownKey(
            key, place: place, line: line(value),
            meant: Suggestion.nearest(to: key, among: known)))
      }
    }
    return fields
  }

  private mutating func text(_ node: Yams.Node, place: String) -> String? {
    if let text = node.scalar?.string, !text.isEmpty { return text }
    problems.append(.wrongShape(place: place, expected: "a text", line: line(node)))
    return nil
  }

  private mutating func texts(_ node: Yams.Node, place: String) -> [String] {
    guard let sequence = node.sequence else {
      problems.append(.wrongShape(place: place, expected: "a list", line: line(node)))
      return []
    }
    return sequence.compactMap { item in
      if let text = item.scalar?.string { return text }
      problems.append(
        .wrongShape(place: "an entry of \(place)", expected: "a text", line: line(item)))
      return nil
    }
  }

  private mutating func truth(_ node: Yams.Node, place: String) -> Bool {
    switch node.scalar?.string {
    case "true": return true
    case "false": return false
    default:
      problems.append(.wrongShape(place: place, expected: "true or false", line: line(node)))
      return false
    }
  }

  private mutating func scalar(_ node: Yams.Node, place: String) -> JSON? {
    // A list is a comma list, the way stages take them.
    if let sequence = node.sequence {
      let words = sequence.compactMap { $0.scalar?.string }
      if words.count == sequence.count { return .string(words.joined(separator: ",")) }
    }
    guard let scalar = node.scalar else {
      problems.append(.wrongShape(place: place, expected: "a single value", line: line(node)))
      return nil
    }
    return scalar.style == .plain || scalar.style == .any
      ? JSON(plain: scalar.string) : .string(scalar.string)
  }
}

extension Pipeline {
  /// Reads a pipeline from the text of its file.
  public init(parsing text: String, file: String) throws(InvalidPipeline) {
    var reader = PipelineReader(file: file)
    self = try reader.read(text)
  }
}
