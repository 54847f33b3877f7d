import Foundation
import TestKit

/// Reads the files of this repository.
enum Repository {
  static func text(_ path: String) throws -> String {
    try String(contentsOfFile: Places.root + "/" + path, encoding: .utf8)
  }

  static func manifest() throws -> Manifest? { Manifest(try text("Package.swift")) }

  static func folders(in path: String) throws -> [String] {
    let whole = Places.root + "/" + path
    return try FileManager.default.contentsOfDirectory(atPath: whole).filter { name in
      var isFolder: ObjCBool = false
      let isThere = FileManager.default.fileExists(
        atPath: "\(whole)/\(name)", isDirectory: &isFolder)
      return isThere && isFolder.boolValue && !name.hasPrefix(".")
    }.sorted()
  }

  /// All files below a folder, by their paths from the top.
  static func files(in folder: String, ending: [String]) -> [String] {
    guard let found = FileManager.default.enumerator(atPath: Places.root + "/" + folder) else {
      return []
    }
    return found.compactMap { $0 as? String }
      .filter { path in ending.contains { path.hasSuffix("." + $0) } }
      .map { folder + "/" + $0 }.sorted()
  }

  static let swift = ["swift"]
  static let text = [
    "swift", "c", "h", "inc", "py", "sh", "md", "yaml", "yml", "json", "jsonl", "csv", "txt",
  ]
}
