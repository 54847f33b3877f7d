import TestKit

/// Reads data that lies beside the repository, for checks against other programs' files.
enum SharedData {
  static func has(_ path: String) -> Bool { Places.shared("data/" + path) != nil }

  static func bytes(_ path: String) throws -> [UInt8] {
    try Files.read(Places.shared("data/" + path) ?? path)
  }

  static func text(_ path: String) throws -> String {
    String(decoding: try bytes(path), as: UTF8.self)
  }
}
