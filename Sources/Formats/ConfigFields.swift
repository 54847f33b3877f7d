/// Reads fields of a config with the checks they need.
struct ConfigFields {
  let node: JSONNode
  let format: String
  /// Sizes beyond this are damage, and products of two of them still fit an Int.
  private static let largest = 1 << 28

  /// The value of a field; nil where it is null or missing.
  func value(_ name: String) -> JSONNode? {
    guard let value = node[name], !value.isNull else { return nil }
    return value
  }

  /// Of a field given twice, programs take one or the other.
  func refuseRepeats() throws(FormatError) {
    var names: Set<String> = []
    for member in node.members ?? [] where !names.insert(member.name).inserted {
      throw .invalid(format: format, field: member.name, found: "given twice")
    }
  }

  func text(_ name: String) throws(FormatError) -> String {
    guard let value = value(name) else { throw .missing(format: format, field: name) }
    guard let text = value.text else { throw wrong(name, value) }
    return text
  }

  func size(_ name: String) throws(FormatError) -> Int {
    guard let size = try optionalSize(name) else { throw .missing(format: format, field: name) }
    return size
  }

  func optionalSize(_ name: String) throws(FormatError) -> Int? {
    guard let value = value(name) else { return nil }
    guard let size = value.int, size > 0, size <= Self.largest else { throw wrong(name, value) }
    return size
  }

  /// A number that is positive and finite, also in 32 bits.
  func positive(_ name: String) throws(FormatError) -> Double? {
    guard let value = value(name) else { return nil }
    guard let number = value.number, Float(number) > 0, Float(number).isFinite else {
      throw wrong(name, value)
    }
    return number
  }

  func flag(_ name: String) throws(FormatError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let flag = value.bool else { throw wrong(name, value) }
    return flag
  }

  /// One id or a list of ids.
  func ids(_ name: String) throws(FormatError) -> [Int32] {
    guard let value = value(name) else { return [] }
    var ids: [Int32] = []
    for element in value.elements ?? [value] {
      guard let number = element.int, let id = Int32(exactly: number) else {
        throw wrong(name, value)
      }
      if id >= 0 { ids.append(id) }  // −1 says "none" in old files
    }
    return ids
  }

  func wrong(_ name: String, _ value: JSONNode) -> FormatError {
    .invalid(format: format, field: name, found: Self.show(value))
  }

  static func show(_ node: JSONNode) -> String {
    String(String(decoding: node.bytes(), as: UTF8.self).prefix(80))
  }
}
