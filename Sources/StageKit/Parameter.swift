public import Bytes

/// A type that a parameter's value can have.
public protocol ParameterValue: Sendable {
  static var parameterType: ParameterType { get }
  /// The canonical form that is hashed and passed on.
  var json: JSON { get }
  /// Reads the canonical form.
  init?(json: JSON)
}

extension Int: ParameterValue {
  public static var parameterType: ParameterType { .int }
  public var json: JSON { .int(self) }
  public init?(json: JSON) {
    guard let value = json.intValue else { return nil }
    self = value
  }
}

extension Double: ParameterValue {
  public static var parameterType: ParameterType { .double }
  public var json: JSON { .double(self == 0 ? 0 : self) }
  public init?(json: JSON) {
    guard let value = json.doubleValue else { return nil }
    self = value
  }
}

extension Bool: ParameterValue {
  public static var parameterType: ParameterType { .bool }
  public var json: JSON { .bool(self) }
  public init?(json: JSON) {
    guard let value = json.boolValue else { return nil }
    self = value
  }
}

extension String: ParameterValue {
  public static var parameterType: ParameterType { .string }
  public var json: JSON { .string(self) }
  public init?(json: JSON) {
    guard let value = json.stringValue else { return nil }
    self = value
  }
}

/// Declares a parameter of any type.
public protocol ParameterDeclaration: Sendable {
  var name: String { get }
  var type: ParameterType { get }
  /// The value where none is given, in canonical form.
  var defaultValue: JSON { get }
  /// The bounds of a number, in canonical form; both included.
  var minimum: JSON? { get }
  var maximum: JSON? { get }
  /// The values a text may have; empty for any.
  var choices: [String] { get }
  /// Whether it says only how to run and cannot change what comes out: such are in no key.
  var execution: Bool { get }
  var help: String { get }
}

/// Declares a parameter and gives its value its type: `context[rank]`.
public struct Parameter<Value: ParameterValue>: ParameterDeclaration {
  public let name: String
  public let standard: Value
  public let minimum: JSON?
  public let maximum: JSON?
  public let choices: [String]
  public let execution: Bool
  public let help: String

  public var type: ParameterType { Value.parameterType }
  public var defaultValue: JSON { standard.json }

  private init(
    _ name: String, _ standard: Value, _ minimum: JSON?, _ maximum: JSON?, _ choices: [String],
    _ execution: Bool, _ help: String
  ) {
    self.name = name
    self.standard = standard
    self.minimum = minimum
    self.maximum = maximum
    self.choices = choices
    self.execution = execution
    self.help = help
  }
}

extension Parameter where Value: Comparable {
  /// Declares a number, with the range it may have.
  public init(
    _ name: String, default standard: Value, in range: ClosedRange<Value>, help: String,
    execution: Bool = false
  ) where Value: SignedNumeric {
    self.init(
      name, standard, range.lowerBound.json, range.upperBound.json, [], execution, help)
  }
}

extension Parameter<Bool> {
  /// Declares a flag.
  public init(_ name: String, default standard: Bool, help: String, execution: Bool = false) {
    self.init(name, standard, nil, nil, [], execution, help)
  }
}

extension Parameter<String> {
  /// Declares a text, or a choice between some words.
  public init(
    _ name: String, default standard: String, oneOf choices: [String] = [], help: String,
    execution: Bool = false
  ) {
    self.init(name, standard, nil, nil, choices, execution, help)
  }
}

extension ParameterDeclaration {
  /// Brings a value into canonical form; says what is wrong with it otherwise.
  func canonical(_ value: JSON) throws(UsageError) -> JSON {
    guard let canonical = type.canonical(value) else {
      throw .wrongType(parameter: name, value: value.shown, type: type)
    }
    if let number = canonical.doubleValue {
      let low = minimum?.doubleValue ?? -.infinity
      let high = maximum?.doubleValue ?? .infinity
      guard number >= low, number <= high else {
        throw .outOfRange(
          parameter: name, value: canonical.text, minimum: minimum?.text ?? "",
          maximum: maximum?.text ?? "")
      }
    }
    if let text = canonical.stringValue, !choices.isEmpty, !choices.contains(text) {
      throw .notAChoice(parameter: name, value: text, choices: choices)
    }
    return canonical
  }
}

extension JSON {
  /// A text as it is, anything else as JSON.
  var shown: String { stringValue ?? text }
}
