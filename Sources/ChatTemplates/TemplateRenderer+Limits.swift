/// Bounds what a template makes: texts and lists double with every line of a loop, and one value may
/// stand in another many times.
extension TemplateRenderer {
  /// Bytes of one value, written out.
  static let largest = 1 << 24
  /// Bytes of all that is made together.
  static let mostMade = 1 << 28
  /// How deep lists and dictionaries may lie in each other: each level takes stack.
  static let deepest = 100
  /// Bytes that an element counts for, besides its text.
  static let elementBytes = 32

  /// Stores how much a value is, written out.
  struct Extent {
    var bytes = 0
    /// How many lists lie in each other; 0 for a value that is none.
    var depth = 0
  }

  /// Counts what an operation made.
  mutating func account(_ value: TemplateValue, line: Int) throws(TemplateError) {
    switch value {
    case .string(let text): try made(text.utf8.count, line: line)
    case .list(let elements), .tuple(let elements):
      try made(list: value, count: elements.count, line: line)
    case .dictionary(let dictionary):
      try made(list: value, count: 2 * dictionary.entries.count, line: line)
    default: break
    }
  }

  private mutating func made(
    list: TemplateValue, count: Int, line: Int
  ) throws(TemplateError) {
    let extent = try Self.extent(of: list, line: line)
    // What lies deeper was there before: it was looked at, not made.
    try made(count * Self.elementBytes + extent.bytes / Self.elementBytes, line: line)
  }

  /// Counts bytes that were made.
  mutating func made(_ bytes: Int, line: Int) throws(TemplateError) {
    try Self.expect(bytes, line: line)
    madeBytes += bytes
    guard madeBytes <= Self.mostMade else {
      throw .tooMuch(what: "more than \(Self.mostMade) bytes made on the way", line: line)
    }
  }

  /// Refuses a value of so many bytes, best before it is made.
  static func expect(_ bytes: Int, line: Int) throws(TemplateError) {
    guard bytes <= largest else {
      throw .tooMuch(what: "a value of more than \(largest) bytes", line: line)
    }
  }

  /// How much a value is; refuses one that is too much or too deep, and one that holds what changes:
  /// such values could come to hold themselves.
  static func extent(of value: TemplateValue, line: Int) throws(TemplateError) -> Extent {
    var extent = Extent()
    try measure(value, depth: 0, into: &extent, line: line)
    return extent
  }

  private static func measure(
    _ value: TemplateValue, depth: Int, into extent: inout Extent, line: Int
  ) throws(TemplateError) {
    extent.bytes += elementBytes
    extent.depth = max(extent.depth, depth)
    guard depth <= deepest else {
      throw .tooMuch(what: "lists in each other, more than \(deepest)", line: line)
    }
    switch value {
    case .string(let text): extent.bytes += text.utf8.count
    case .list(let elements), .tuple(let elements):
      for element in elements { try measure(element, depth: depth + 1, into: &extent, line: line) }
    case .dictionary(let dictionary):
      for (key, value) in dictionary.entries {
        try measure(key, depth: depth + 1, into: &extent, line: line)
        try measure(value, depth: depth + 1, into: &extent, line: line)
      }
    default: try contain(value, line: line)
    }
    try expect(extent.bytes, line: line)
  }

  /// Refuses a value that cannot be part of another.
  static func contain(_ value: TemplateValue, line: Int) throws(TemplateError) {
    switch value {
    case .namespace, .loop:
      throw .unsupported(construct: "a \(value.kind) inside another value", line: line)
    default: break
    }
  }

  /// What a loop goes over; nil for what it cannot.
  static func elements(
    of value: TemplateValue, line: Int
  ) throws(TemplateError) -> [TemplateValue]? {
    // Each character becomes a text of its own.
    if case .string(let text) = value, text.utf8.count > largest / elementBytes {
      try expect(text.unicodeScalars.count * elementBytes, line: line)
    }
    return value.elements
  }
}
