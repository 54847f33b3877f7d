import Bytes

/// Stores one line that a worker was sent.
struct WorkerRequest {
  var store: String?
  var inputs: [String: String] = [:]
  var settings: [String: JSON] = [:]

  /// Reads a line.
  /// - Parameter id: set as soon as it is known, so that even the answer to a bad request bears it.
  init(_ line: String, id: inout JSON) throws {
    let request: JSON
    do { request = try JSON(parsing: line) } catch { throw UsageError.badRequest("\(error)") }
    guard let members = request.objectValue else { throw UsageError.badRequest("no object") }
    id = members["id"] ?? .null
    for name in members.keys.sorted() where !["id", "in", "set", "store"].contains(name) {
      throw UsageError.badRequest("unknown member \(name)")
    }
    if let value = members["store"], value != .null {
      guard let text = value.stringValue else { throw UsageError.badRequest("store is no text") }
      store = text
    }
    if let value = members["in"] {
      guard let given = value.objectValue else { throw UsageError.badRequest("in is no object") }
      for (name, digest) in given {
        guard let text = digest.stringValue else {
          throw UsageError.badRequest("in.\(name) is no text")
        }
        inputs[name] = text
      }
    }
    if let value = members["set"] {
      guard let given = value.objectValue else { throw UsageError.badRequest("set is no object") }
      settings = given
    }
  }
}
