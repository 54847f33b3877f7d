public import Bytes

/// Stores what a stage says of one of its parameters.
public struct ParameterDescription: Sendable, Equatable {
  public var name: String
  public var type: ParameterType
  public var `default`: JSON?
  public var minimum: Double?
  public var maximum: Double?
  public var choices: [String]
  /// Whether it only says how to run (threads, time-outs): such a parameter is in no action key.
  public var execution: Bool
  public var help: String

  public init(
    _ name: String, _ type: ParameterType, default: JSON? = nil, minimum: Double? = nil,
    maximum: Double? = nil, choices: [String] = [], execution: Bool = false, help: String = ""
  ) {
    self.name = name
    self.type = type
    self.default = `default`
    self.minimum = minimum
    self.maximum = maximum
    self.choices = choices
    self.execution = execution
    self.help = help
  }

  /// Reads one entry of `parameters` in what `--describe` prints.
  init(_ json: JSON) throws(DescriptionError) {
    guard let name = json["name"]?.stringValue else {
      throw DescriptionError(member: "parameters.name")
    }
    guard let type = json["type"]?.stringValue.flatMap(ParameterType.init(rawValue:)) else {
      throw DescriptionError(member: "parameters.type of \(name)")
    }
    self.init(
      name, type, default: json["default"] == .null ? nil : json["default"],
      minimum: json["minimum"]?.doubleValue, maximum: json["maximum"]?.doubleValue,
      choices: json["choices"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      execution: json["execution"]?.boolValue ?? false, help: json["help"]?.stringValue ?? "")
  }

  /// The entry that `--describe` prints.
  var json: JSON {
    [
      "name": .string(name), "type": .string(type.rawValue), "default": `default` ?? .null,
      "minimum": minimum.map(JSON.double) ?? .null, "maximum": maximum.map(JSON.double) ?? .null,
      "choices": .array(choices.map(JSON.string)), "execution": .bool(execution),
      "help": .string(help),
    ]
  }

  /// Returns the value in its one canonical form, or nil if it is not one the parameter takes.
  public func canonical(_ value: JSON) -> JSON? {
    guard let converted = type.canonical(value) else { return nil }
    if let number = converted.doubleValue {
      if let minimum, number < minimum { return nil }
      if let maximum, number > maximum { return nil }
    }
    if !choices.isEmpty, !choices.contains(converted.plain) { return nil }
    return converted
  }

  /// Says in words what values are taken, for messages.
  public var expectation: String {
    if !choices.isEmpty { return "one of " + choices.joined(separator: ", ") }
    let kind =
      switch type {
      case .int: "a whole number"
      case .double: "a number"
      case .bool: "true or false"
      case .string: "a text"
      }
    let low = minimum.map { JSON.double($0).text }
    let high = maximum.map { JSON.double($0).text }
    return switch (low, high) {
    case (let low?, let high?): "\(kind) from \(low) to \(high)"
    case (let low?, nil): "\(kind) of at least \(low)"
    case (nil, let high?): "\(kind) of at most \(high)"
    case (nil, nil): kind
    }
  }
}
