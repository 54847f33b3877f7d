import Bytes

/// Checks a whole pipeline against what the stages say of themselves.
struct PipelineCheck {
  private let pipeline: Pipeline
  private let stages: [String: StageDescription]
  private var problems: [Problem] = []
  private var nodes: [String: Node] = [:]

  init(_ pipeline: Pipeline, stages: [String: StageDescription]) {
    self.pipeline = pipeline
    self.stages = stages
    for node in pipeline.nodes { nodes[node.name] = node }
  }

  mutating func run() throws(InvalidPipeline) -> CheckedPipeline {
    let order = sorted()
    var descriptions: [String: StageDescription] = [:]
    for node in pipeline.nodes {
      if let description = describe(node) { descriptions[node.name] = description }
    }
    for node in pipeline.nodes { checkInputs(of: node, descriptions) }
    var steps: [CheckedPipeline.Step] = []
    var positions: [String: Int] = [:]
    for node in order {
      guard let description = descriptions[node.name] else { continue }
      let settings = checkSettings(of: node, description)
      var key = settings
      for parameter in description.parameters {
        if parameter.execution {
          key[parameter.name] = nil
        } else if key[parameter.name] == nil, let value = parameter.default {
          key[parameter.name] = parameter.canonical(value) ?? value
        }
      }
      let upstream = Set(node.inputs.values.compactMap(\.node)).compactMap { positions[$0] }
        .sorted()
      positions[node.name] = steps.count
      steps.append(
        CheckedPipeline.Step(
          node: node, description: description, settings: settings, keyParameters: key,
          upstream: upstream, phase: phase(of: node, after: upstream.map { steps[$0] })))
    }
    guard problems.isEmpty else {
      let sorted = problems.enumerated().sorted {
        ($0.element.line, $0.offset) < ($1.element.line, $1.offset)
      }
      throw InvalidPipeline(file: pipeline.file, problems: sorted.map(\.element))
    }
    return CheckedPipeline(pipeline: pipeline, steps: steps)
  }

  /// What runs once comes first in a phase, then users; reading back from users starts a new one.
  private func phase(of node: Node, after upstream: [CheckedPipeline.Step]) -> Int {
    upstream.map { step in
      step.scope == .user && node.scope != .user ? step.phase + 1 : step.phase
    }.max() ?? 0
  }

  // MARK: Order

  /// Sorts by depth-first search; a cycle becomes a problem that shows its path.
  private mutating func sorted() -> [Node] {
    enum Mark { case open, done }
    var marks: [String: Mark] = [:]
    var path: [String] = []
    var order: [Node] = []
    var cycle: [String]?

    func visit(_ node: Node) {
      marks[node.name] = .open
      path.append(node.name)
      for name in Set(node.inputs.values.compactMap(\.node)).sorted() {
        guard let next = nodes[name] else { continue }
        switch marks[name] {
        case .done: continue
        case .open:
          if cycle == nil, let start = path.firstIndex(of: name) {
            // An arrow points from what is read to what reads it.
            cycle = [name] + path[start...].reversed()
          }
        case nil: visit(next)
        }
      }
      path.removeLast()
      marks[node.name] = .done
      order.append(node)
    }
    for node in pipeline.nodes where marks[node.name] == nil { visit(node) }
    if let cycle {
      problems.append(.cycle(cycle, line: nodes[cycle[0]]?.line ?? 0))
    }
    return order
  }

  // MARK: Stages and commands

  private mutating func describe(_ node: Node) -> StageDescription? {
    switch node.work {
    case .stage(let name):
      if let description = stages[name] { return description }
      problems.append(
        .unknownStage(
          name, node: node.name, line: node.line,
          meant: Suggestion.nearest(to: name, among: stages.keys), known: stages.keys.sorted()))
      return nil
    case .command(let words):
      checkPlaceholders(of: words, node)
      return StageDescription(
        name: "command", version: 1,
        inputs: node.inputs.keys.sorted().map { StageDescription.Port($0, kind: "any") },
        outputs: node.outputs.map { StageDescription.Port($0, kind: "any") },
        resources: node.resources, secrets: node.secrets)
    }
  }

  private mutating func checkPlaceholders(of words: [String], _ node: Node) {
    let known =
      node.inputs.keys.map { "in.\($0)" } + node.outputs.map { "out.\($0)" }
      + node.settings.keys.map { "set.\($0)" }
    var used: Set<String> = []
    for word in words {
      for placeholder in CommandTemplate.placeholders(in: word) {
        used.insert(placeholder)
        if !known.contains(placeholder) {
          problems.append(
            .unknownPlaceholder(
              placeholder, node: node.name, line: node.line,
              meant: Suggestion.nearest(to: placeholder, among: known)))
        }
      }
    }
    for setting in node.settings.keys.sorted() where !used.contains("set.\(setting)") {
      problems.append(
        .unknownParameter(
          setting, node: node.name, line: node.line,
          meant: Suggestion.nearest(
            to: setting, among: used.filter { $0.hasPrefix("set.") }.map { String($0.dropFirst(4)) }
          )))
    }
    for output in node.outputs where !used.contains("out.\(output)") {
      problems.append(.unusedOutput(output, node: node.name, line: node.line))
    }
    if node.outputs.isEmpty {
      problems.append(.missingKey("out", place: "node '\(node.name)'", line: node.line))
    }
  }

  // MARK: Inputs

  private mutating func checkInputs(
    of node: Node, _ descriptions: [String: StageDescription]
  ) {
    for (input, reference) in node.inputs.sorted(by: { $0.key < $1.key }) {
      check(reference, input: input, of: node, descriptions)
    }
    guard case .stage(let stage) = node.work, let description = descriptions[node.name] else {
      return
    }
    let ports = description.inputs.map(\.name)
    for input in node.inputs.keys.sorted() where !ports.contains(input) {
      problems.append(
        .unknownInput(
          input, node: node.name, stage: stage, line: node.line,
          meant: Suggestion.nearest(to: input, among: ports)))
    }
    for port in description.inputs where !port.optional && node.inputs[port.name] == nil {
      problems.append(
        .unboundInput(port.name, node: node.name, stage: stage, line: node.line))
    }
  }

  private mutating func check(
    _ reference: Node.Reference, input: String, of node: Node,
    _ descriptions: [String: StageDescription]
  ) {
    switch reference {
    case .source(let name):
      guard let source = pipeline.sources[name] else {
        problems.append(
          .unknownReference(
            name, node: node.name, input: input, line: node.line,
            meant: Suggestion.nearest(to: name, among: pipeline.sources.keys)))
        return
      }
      if source.isOfUser && node.scope != .user {
        problems.append(.readsUserSource(node: node.name, source: name, line: node.line))
      }
    case .output(let name, let output), .gathered(let name, let output):
      guard let other = nodes[name] else {
        problems.append(
          .unknownReference(
            reference.description, node: node.name, input: input, line: node.line,
            meant: Suggestion.nearest(to: name, among: nodes.keys).map { "\($0).\(output)" }))
        return
      }
      if let outputs = descriptions[name]?.outputs.map(\.name), !outputs.contains(output) {
        problems.append(
          .unknownOutput(
            output, of: name, node: node.name, input: input, line: node.line,
            meant: Suggestion.nearest(to: output, among: outputs)
              ?? (outputs.count == 1 ? outputs[0] : nil)))
      }
      if let description = descriptions[name] {
        checkConditions(of: output, from: other, description, input: input, of: node)
      }
      checkScope(of: reference, from: other, to: node)
    }
  }

  /// What is read must be written with the settings that its node has.
  private mutating func checkConditions(
    of output: String, from other: Node, _ description: StageDescription, input: String,
    of node: Node
  ) {
    let port = description.outputs.first { $0.name == output }
    for (name, wanted) in (port?.when ?? [:]).sorted(by: { $0.key < $1.key }) {
      let parameter = description.parameters.first { $0.name == name }
      guard let value = (other.settings[name] ?? parameter?.default)?.stringValue, value != wanted
      else { continue }
      problems.append(
        .outputNotWritten(
          output, of: other.name, because: "\(name)=\(value)", wanted: "\(name)=\(wanted)",
          node: node.name, input: input, line: node.line))
    }
  }

  private mutating func checkScope(of reference: Node.Reference, from other: Node, to node: Node) {
    if case .gathered = reference {
      if node.scope != .gather {
        problems.append(
          .gatheredOutsideGather(
            node: node.name, reference: reference.description, line: node.line))
      } else if other.scope != .user {
        problems.append(
          .gathersNonUserNode(node: node.name, reference: reference.description, line: node.line))
      }
    } else if other.scope == .user && node.scope != .user {
      problems.append(
        .readsUserOutput(node: node.name, reference: reference.description, line: node.line))
    }
  }

  // MARK: Parameters

  private mutating func checkSettings(
    of node: Node, _ description: StageDescription
  ) -> [String: JSON] {
    guard case .stage = node.work else { return node.settings }
    var settings: [String: JSON] = [:]
    for (name, value) in node.settings.sorted(by: { $0.key < $1.key }) {
      guard let parameter = description.parameters.first(where: { $0.name == name }) else {
        problems.append(
          .unknownParameter(
            name, node: node.name, line: node.line,
            meant: Suggestion.nearest(to: name, among: description.parameters.map(\.name))))
        continue
      }
      if value.stringValue?.contains(/:\/\/[^\/\s]*@/) == true {
        // Not quoted: the problem is printed.
        problems.append(.secretInValue(parameter: name, node: node.name, line: node.line))
      } else if let canonical = parameter.canonical(value) {
        settings[name] = canonical
      } else {
        problems.append(
          .badValue(
            value.plain, parameter: name, node: node.name, expected: parameter.expectation,
            line: node.line))
      }
    }
    return settings
  }
}

extension Pipeline {
  /// Checks the pipeline whole against the stages at hand.
  /// - Throws: `InvalidPipeline` with every problem found.
  public func checked(
    against stages: [String: StageDescription]
  ) throws(InvalidPipeline) -> CheckedPipeline {
    var check = PipelineCheck(self, stages: stages)
    return try check.run()
  }

  /// Returns the pipeline with `NODE.parameter=value` settings laid over those of its file.
  public func setting(_ settings: [String]) throws(InvalidPipeline) -> Pipeline {
    var changed = self
    var problems: [Problem] = []
    for setting in settings {
      guard let equals = setting.firstIndex(of: "="),
        let dot = setting[..<equals].firstIndex(of: "."), dot != setting.startIndex,
        setting.index(after: dot) != equals
      else {
        problems.append(.badSetting(setting))
        continue
      }
      let node = String(setting[..<dot])
      let parameter = String(setting[setting.index(after: dot)..<equals])
      guard let index = nodes.firstIndex(where: { $0.name == node }) else {
        problems.append(
          .unknownSetNode(
            node, setting: setting, meant: Suggestion.nearest(to: node, among: nodes.map(\.name))))
        continue
      }
      changed.nodes[index].settings[parameter] =
        JSON(plain: String(setting[setting.index(after: equals)...]))
    }
    guard problems.isEmpty else { throw InvalidPipeline(file: file, problems: problems) }
    return changed
  }
}
