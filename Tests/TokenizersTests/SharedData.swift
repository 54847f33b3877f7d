import Foundation

/// Finds data that lies beside the repository, for checks against other programs' files.
enum SharedData {
  static let root: String = {
    if let path = ProcessInfo.processInfo.environment["PLM_SHARED"] { return path }
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return url.deletingLastPathComponent().appendingPathComponent("shared").path
  }()

  static func has(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root + "/data/" + path)
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: root + "/data/" + path)))
  }

  static func text(_ path: String) throws -> String {
    String(decoding: try bytes(path), as: UTF8.self)
  }
}
