import Foundation

/// Reads and writes one value as a JSON file with sorted keys.
enum JSONFile {
  static func encode(
    _ value: some Encodable, name: String, readable: Bool = false
  ) throws(PersonaError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if readable { encoder.outputFormatting.insert(.prettyPrinted) }
    do {
      return Array(try encoder.encode(value)) + [0x0A]
    } catch {
      throw .unwritable(file: name, reason: String(describing: error))
    }
  }

  static func decode<Value: Decodable>(
    _: Value.Type, from bytes: [UInt8], name: String
  ) throws(PersonaError) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(bytes))
    } catch DecodingError.keyNotFound(let key, _) {
      throw .format(file: name, reason: "the field \(key.stringValue) is missing")
    } catch DecodingError.typeMismatch(_, let context) {
      throw .format(
        file: name,
        reason: "the field \(context.codingPath.map(\.stringValue).joined(separator: "."))"
          + " has another type")
    } catch {
      throw .format(file: name, reason: "not JSON")
    }
  }
}

extension Double {
  /// The number to six places, so that files do not carry the noise of the last bits.
  var rounded6: Double { isFinite ? (self * 1e6).rounded() / 1e6 : 0 }
}
