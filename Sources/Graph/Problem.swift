/// Says one thing that is wrong with a pipeline; facts only, worded in `Problem+Words.swift`.
public enum Problem: Sendable, Equatable {
  case syntax(line: Int, text: String)
  case unsupportedVersion(found: String)
  case unknownKey(String, place: String, line: Int, meant: String?)
  case missingKey(String, place: String, line: Int)
  case wrongShape(place: String, expected: String, line: Int)
  case badName(String, line: Int)
  case noNodes
  case stageAndCommand(node: String, line: Int)
  case unknownScope(String, node: String, line: Int, meant: String?)
  case onlyForCommands(key: String, node: String, line: Int)
  case onlyForGather(key: String, node: String, line: Int)
  case unknownStage(String, node: String, line: Int, meant: String?, known: [String])
  case unknownInput(String, node: String, stage: String, line: Int, meant: String?)
  case unboundInput(String, node: String, stage: String, line: Int)
  case unknownReference(String, node: String, input: String, line: Int, meant: String?)
  case outputNotWritten(
    String, of: String, because: String, wanted: String, node: String, input: String, line: Int)
  case unknownOutput(String, of: String, node: String, input: String, line: Int, meant: String?)
  case readsUserOutput(node: String, reference: String, line: Int)
  case readsUserSource(node: String, source: String, line: Int)
  case gathersNonUserNode(node: String, reference: String, line: Int)
  case gatheredOutsideGather(node: String, reference: String, line: Int)
  case unknownParameter(String, node: String, line: Int, meant: String?)
  case badValue(String, parameter: String, node: String, expected: String, line: Int)
  case secretInValue(parameter: String, node: String, line: Int)
  case unknownPlaceholder(String, node: String, line: Int, meant: String?)
  case unusedOutput(String, node: String, line: Int)
  case cycle([String], line: Int)
  case badSetting(String)
  case unknownSetNode(String, setting: String, meant: String?)
}

/// Stores all that is wrong with a pipeline.
public struct InvalidPipeline: Error, Sendable, Equatable {
  public let file: String
  public let problems: [Problem]

  public init(file: String, problems: [Problem]) {
    self.file = file
    self.problems = problems
  }
}
