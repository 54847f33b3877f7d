import Foundation

/// Reads JSON Lines of `{id, date, title, text}`; records of one title are one group.
enum JSONLinesReader {
  static func read(
    _ text: String, path: String, _ options: ReadingOptions, into reading: inout Reading
  ) {
    let decoder = JSONDecoder()
    for (number, line) in JSONLines.lines(of: Array(text.utf8)) {
      guard let object = try? decoder.decode(JSONObject.self, from: Data(line)) else {
        reading.note(path, .brokenLine, first: "line \(number)", .skipped)
        continue
      }
      add(object, path: path, place: "line \(number)", line: number, options, into: &reading)
    }
  }

  /// Makes a record of an object's fields.
  static func add(
    _ object: JSONObject, path: String, place: String, line: Int, _ options: ReadingOptions,
    into reading: inout Reading
  ) {
    let names = options.columns
    let input = object.text(["input", "prompt"]).map(TextDecoding.normalised)
    let output = object.text(["output", "completion"]).map(TextDecoding.normalised)
    let isPair = input?.isEmpty == false && output?.isEmpty == false
    let text = object.text(names.text).map(TextDecoding.normalised) ?? (isPair ? input : nil) ?? ""
    guard !text.isEmpty else {
      reading.note(path, .noText, first: place, .skipped)
      return
    }
    let title = object.text(names.title).map(TextDecoding.normalised).flatMap {
      $0.isEmpty ? nil : $0
    }
    var date: String?
    if let raw = object.first(names.date) {
      date = raw.date
      if date == nil { reading.note(path, .date, first: place, .leftUndated) }
    }
    let id = object.text(names.id)?.trimmed ?? ""
    let name = id.isEmpty ? RecordName.of(text) : id
    let group = object.text(names.group)?.trimmed ?? ""
    reading.add(
      Record(
        id: name, date: date, group: group.isEmpty ? title ?? name : group,
        source: line > 0 ? "\(path):\(line)" : path, text: text, title: title,
        task: object.text(["task"])?.trimmed, input: isPair ? input : nil,
        output: isPair ? output : nil), options)
  }

  /// Whether half of the first hundred lines or more are JSON objects: one may be broken, or be a
  /// remark of the program that wrote them.
  static func looksRight(_ content: String) -> Bool {
    let decoder = JSONDecoder()
    var (lines, parsed) = (0, 0)
    var rest = content.utf8[...]
    while !rest.isEmpty, lines < 100 {
      let line = rest.prefix { $0 != 0x0A && $0 != 0x0D }
      rest = rest[line.endIndex...].dropFirst()
      guard let first = line.first(where: { $0 > 0x20 }) else { continue }
      lines += 1
      guard first == UInt8(ascii: "{") else { continue }
      if (try? decoder.decode(JSONObject.self, from: Data(line))) != nil { parsed += 1 }
    }
    return parsed > 0 && parsed * 2 >= lines
  }
}

/// Stores the plain fields of a JSON object, under lower-case names.
struct JSONObject: Decodable {
  private var fields: [String: PlainValue] = [:]

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for key in container.allKeys.sorted(by: { $0.stringValue > $1.stringValue }) {
      let name = key.stringValue.lowercased()
      guard let value = try? container.decode(PlainValue.self, forKey: key) else { continue }
      if fields[name] == nil || !value.isEmpty { fields[name] = value }
    }
  }

  /// The first field that holds anything, among several names.
  func first(_ names: [String]) -> PlainValue? {
    for name in names { if let field = fields[name], !field.isEmpty { return field } }
    return nil
  }

  func text(_ names: [String]) -> String? { first(names)?.text }
}
