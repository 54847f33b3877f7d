import Foundation

/// Reads and writes values as lines of JSON with sorted keys.
enum JSONLines {
  static func encode(_ values: [some Encodable]) throws(CorpusError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var bytes: [UInt8] = []
    for (index, value) in values.enumerated() {
      do {
        bytes.append(contentsOf: try encoder.encode(value))
      } catch {
        throw .unwritable(index: index, reason: String(describing: error))
      }
      bytes.append(newline)
    }
    return bytes
  }

  static func decode<Value: Decodable>(
    _: Value.Type, from bytes: some Collection<UInt8>
  ) throws(CorpusError) -> [Value] {
    let decoder = JSONDecoder()
    var values: [Value] = []
    for (number, line) in lines(of: bytes) {
      do {
        values.append(try decoder.decode(Value.self, from: Data(line)))
      } catch {
        throw .line(number, reason: reason(error))
      }
    }
    return values
  }

  /// The lines that are not blank, with their numbers from 1.
  static func lines<Content: Collection<UInt8>>(
    of bytes: Content
  ) -> [(number: Int, bytes: Content.SubSequence)] {
    var result: [(Int, Content.SubSequence)] = []
    var number = 0
    for line in bytes.split(separator: newline, omittingEmptySubsequences: false) {
      number += 1
      if line.contains(where: { $0 != space && $0 != tab && $0 != carriageReturn }) {
        result.append((number, line))
      }
    }
    return result
  }

  /// What is wrong, in a few words that do not repeat the user's text.
  static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "the field \(key.stringValue) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "the field \(context.codingPath.map(\.stringValue).joined(separator: ".")) has another type"
    default: "not JSON"
    }
  }

  private static let newline = UInt8(ascii: "\n")
  private static let space = UInt8(ascii: " ")
  private static let tab = UInt8(ascii: "\t")
  private static let carriageReturn = UInt8(ascii: "\r")
}
