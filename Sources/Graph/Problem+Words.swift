extension Problem {
  /// The line of the file it is about, 0 where there is none.
  public var line: Int {
    switch self {
    case .syntax(let line, _), .unknownKey(_, _, let line, _), .missingKey(_, _, let line),
      .wrongShape(_, _, let line), .badName(_, let line), .stageAndCommand(_, let line),
      .unknownScope(_, _, let line, _), .onlyForCommands(_, _, let line),
      .onlyForGather(_, _, let line), .unknownStage(_, _, let line, _, _),
      .unknownInput(_, _, _, let line, _), .unboundInput(_, _, _, let line),
      .unknownReference(_, _, _, let line, _), .unknownOutput(_, _, _, _, let line, _),
      .outputNotWritten(_, _, _, _, _, _, let line),
      .readsUserOutput(_, _, let line), .readsUserSource(_, _, let line),
      .gathersNonUserNode(_, _, let line), .gatheredOutsideGather(_, _, let line),
      .unknownParameter(_, _, let line, _), .badValue(_, _, _, _, let line),
      .secretInValue(_, _, let line), .unknownPlaceholder(_, _, let line, _),
      .unusedOutput(_, _, let line), .cycle(_, let line):
      line
    case .unsupportedVersion, .noNodes, .badSetting, .unknownSetNode: 0
    }
  }

  private var words: String {
    switch self {
    case .syntax(_, let text): "not valid YAML: \(text)"
    case .unsupportedVersion(let found):
      "'version' is \(found); this plm reads version 1"
    case .unknownKey(let key, let place, _, let meant):
      "unknown key '\(key)' in \(place)" + Self.hint(meant)
    case .missingKey(let key, let place, _): "\(place) has no '\(key)'"
    case .wrongShape(let place, let expected, _): "\(place) must be \(expected)"
    case .badName(let name, _):
      "'\(name)' is no name for a node: use letters, digits, '-' and '_'"
    case .noNodes: "there are no nodes; list them under 'nodes:'"
    case .stageAndCommand(let node, _):
      "node '\(node)' must have either 'stage' or 'command', not both"
    case .unknownScope(let scope, let node, _, let meant):
      "node '\(node)' has scope '\(scope)'; it must be shared, user or gather" + Self.hint(meant)
    case .onlyForCommands(let key, let node, _):
      "node '\(node)' has '\(key)', which only a node with 'command' may have"
    case .onlyForGather(let key, let node, _):
      "node '\(node)' has '\(key)', which only a node with 'scope: gather' may have"
    case .unknownStage(let stage, let node, _, let meant, let known):
      "node '\(node)' uses stage '\(stage)', which was not found" + Self.hint(meant)
        + (known.isEmpty
          ? "; no stages were found at all: is plm installed with its stages beside it?" : "")
    case .unknownInput(let input, let node, let stage, _, let meant):
      "node '\(node)' binds input '\(input)', which stage '\(stage)' does not have"
        + Self.hint(meant)
    case .unboundInput(let input, let node, let stage, _):
      "node '\(node)' does not bind input '\(input)', which stage '\(stage)' needs"
    case .unknownReference(let reference, let node, let input, _, let meant):
      "input '\(input)' of node '\(node)' reads '\(reference)', which is neither a source nor "
        + "NODE.OUTPUT" + Self.hint(meant)
    case .unknownOutput(let output, let of, let node, let input, _, let meant):
      "input '\(input)' of node '\(node)' reads '\(of).\(output)', but node '\(of)' has no output "
        + "'\(output)'" + Self.hint(meant)
    case .outputNotWritten(let output, let of, let because, let wanted, let node, let input, _):
      "input '\(input)' of node '\(node)' reads '\(of).\(output)', which is not written with "
        + "\(of).\(because), only with \(wanted)"
    case .readsUserOutput(let node, let reference, _):
      "node '\(node)' runs once but reads '\(reference)' of a single user; use 'scope: user', or "
        + "'scope: gather' and '*.\(reference)'"
    case .readsUserSource(let node, let source, _):
      "node '\(node)' runs once but reads source '\(source)', which every user has one of; use "
        + "'scope: user'"
    case .gathersNonUserNode(let node, let reference, _):
      "node '\(node)' gathers '\(reference)', but that node does not run per user; drop the '*.'"
    case .gatheredOutsideGather(let node, let reference, _):
      "node '\(node)' reads '\(reference)' of all users; that needs 'scope: gather'"
    case .unknownParameter(let parameter, let node, _, let meant):
      "node '\(node)' sets unknown parameter '\(parameter)'" + Self.hint(meant)
    case .badValue(let value, let parameter, let node, let expected, _):
      "parameter '\(parameter)' of node '\(node)' is '\(value)'; it must be \(expected)"
    case .secretInValue(let parameter, let node, _):
      "parameter '\(parameter)' of node '\(node)' is an address with a name or password in it, which "
        + "every key and log would keep; secrets belong in the environment"
    case .unknownPlaceholder(let text, let node, _, let meant):
      "the command of node '\(node)' has '{\(text)}', which is nothing it declares"
        + Self.hint(meant.map { "{\($0)}" })
    case .unusedOutput(let output, let node, _):
      "the command of node '\(node)' never names its output '{out.\(output)}'"
    case .cycle(let path, _): "nodes depend on each other: " + path.joined(separator: " → ")
    case .badSetting(let text):
      "'--set \(text)' is not understood; write --set NODE.parameter=value"
    case .unknownSetNode(let node, let setting, let meant):
      "'--set \(setting)' names node '\(node)', which the pipeline does not have"
        + Self.hint(meant)
    }
  }

  private static func hint(_ meant: String?) -> String {
    meant.map { "; did you mean '\($0)'?" } ?? ""
  }
}

extension Problem: CustomStringConvertible {
  public var description: String { words }
}

extension InvalidPipeline: CustomStringConvertible {
  public var description: String {
    problems.map { problem in
      problem.line > 0 ? "\(file):\(problem.line): \(problem)" : "\(file): \(problem)"
    }.joined(separator: "\n")
  }
}
