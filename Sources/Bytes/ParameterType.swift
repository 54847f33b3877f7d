/// Names the type of a stage's parameter, and brings values into the one form that is hashed.
public enum ParameterType: String, Sendable {
  case int, double, bool, string

  /// Returns the value in canonical form, or nil if it cannot be of this type.
  ///
  /// Texts from a command line and values from JSON or YAML meet here: 8, 8.0 and "8" are all the
  /// `int` 8; "true" is the `bool` true; a number given for a `string` is its text.
  public func canonical(_ value: JSON) -> JSON? {
    switch self {
    case .int:
      if let text = value.stringValue { return Self.number(text)?.intValue.map(JSON.int) }
      return value.intValue.map(JSON.int)
    case .double:
      let number = value.stringValue.map(Self.number) ?? value
      guard let number = number?.doubleValue, number.isFinite else { return nil }
      // Minus zero is zero.
      return .double(number == 0 ? 0 : number)
    case .bool:
      switch value {
      case .bool: return value
      case .string("true"): return .bool(true)
      case .string("false"): return .bool(false)
      default: return nil
      }
    case .string:
      switch value {
      case .string: return value
      case .int, .double, .bool: return .string(value.text)
      default: return nil
      }
    }
  }

  private static func number(_ text: String) -> JSON? {
    if let whole = Int(text) { return .int(whole) }
    // Double also reads "nan" and "0x1p3"; neither is meant by anybody here.
    guard let value = Double(text), value.isFinite, !text.contains(where: { "xX".contains($0) })
    else { return nil }
    return .double(value)
  }
}
