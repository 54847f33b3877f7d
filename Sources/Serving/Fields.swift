import Bytes

/// Reads the fields of a request, and knows which nobody asked for.
struct Fields {
  private var members: [String: JSON]
  /// The name of what they are in, with a dot behind; empty for the request itself.
  private let path: String

  init(_ members: [String: JSON], path: String = "") {
    // A null is as good as nothing.
    self.members = members.filter { $0.value != .null }
    self.path = path
  }

  private mutating func take(_ name: String) -> JSON? { members.removeValue(forKey: name) }

  func wrong(_ name: String, _ what: String) -> APIError { .field(path + name, what) }

  mutating func bool(_ name: String) throws(APIError) -> Bool? {
    guard let value = take(name) else { return nil }
    guard let flag = value.boolValue else { throw wrong(name, "must be true or false") }
    return flag
  }

  mutating func int(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    guard let value = take(name) else { return nil }
    guard let number = value.intValue, range.contains(number) else {
      let bounds =
        range.upperBound == .max
        ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw wrong(name, "must be a whole number, \(bounds)")
    }
    return number
  }

  mutating func number(
    _ name: String, in range: ClosedRange<Double>
  ) throws(APIError) -> Double? {
    guard let value = take(name) else { return nil }
    guard let number = value.doubleValue, range.contains(number) else {
      throw wrong(
        name,
        "must be a number, \(JSON.double(range.lowerBound)) to "
          + "\(JSON.double(range.upperBound))")
    }
    return number
  }

  mutating func string(_ name: String) throws(APIError) -> String? {
    guard let value = take(name) else { return nil }
    guard let text = value.stringValue else { throw wrong(name, "must be a string") }
    return text
  }

  /// One string, or several.
  mutating func strings(_ name: String, most: Int) throws(APIError) -> [String]? {
    guard let value = take(name) else { return nil }
    if let text = value.stringValue { return [text] }
    guard let list = value.arrayValue, list.count <= most else {
      throw wrong(name, "must be a string or a list of at most \(most)")
    }
    return try list.map { element throws(APIError) in
      guard let text = element.stringValue else { throw wrong(name, "must hold strings") }
      return text
    }
  }

  mutating func object(_ name: String) throws(APIError) -> Fields? {
    guard let value = take(name) else { return nil }
    guard let members = value.objectValue else { throw wrong(name, "must be an object") }
    return Fields(members, path: path + name + ".")
  }

  mutating func value(_ name: String) -> JSON? { take(name) }

  /// Passes over fields that change no answer.
  mutating func ignore(_ names: String...) { for name in names { _ = take(name) } }

  /// Refuses fields that would change the answer in a way that is not there, unless they ask for
  /// nothing.
  mutating func refuse(_ names: String...) throws(APIError) {
    for name in names {
      guard let value = take(name) else { continue }
      let isNothing: Bool =
        switch value {
        case .bool(false), .int(0), .string(""): true
        case .array(let list): list.isEmpty
        case .object(let members): members.isEmpty
        default: value.doubleValue == 0
        }
      if !isNothing { throw .unsupported(path + name) }
    }
  }

  /// Refuses what is left.
  func end() throws(APIError) {
    if let name = members.keys.min() { throw .unknownField(path + name) }
  }
}
