/// Stores one JSON value with its members in the order they were written.
///
/// Files of other programs need their order kept (vocabularies) and repeated names noticed
/// (headers), which `JSON` of Bytes, made for canonical texts, does neither.
public indirect enum JSONNode: Equatable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  /// A whole number beyond `Int`, by its digits.
  case largeInt(String)
  case double(Double)
  case string(String)
  case array([JSONNode])
  case object([JSONMember])

  /// Makes an object of names and values.
  public static func object(_ members: KeyValuePairs<String, JSONNode>) -> JSONNode {
    .object(members.map { JSONMember($0.key, $0.value) })
  }

  /// The first member of this name; nil if there is none or this is no object.
  public subscript(name: String) -> JSONNode? {
    members?.first { $0.name == name }?.value
  }

  public var members: [JSONMember]? {
    if case .object(let members) = self { members } else { nil }
  }

  public var elements: [JSONNode]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  public var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  public var isNull: Bool { self == .null }

  /// The whole number; also of a double without fraction.
  public var int: Int? {
    switch self {
    case .int(let value): value
    case .double(let value): Int(exactly: value)
    default: nil
    }
  }

  public var number: Double? {
    switch self {
    case .int(let value): Double(value)
    case .largeInt(let digits): Double(digits)
    case .double(let value): value
    default: nil
    }
  }
}

/// Stores one name and value of a JSON object.
public struct JSONMember: Equatable, Sendable {
  public let name: String
  public let value: JSONNode

  public init(_ name: String, _ value: JSONNode) {
    self.name = name
    self.value = value
  }
}
