public import Bytes
import Foundation
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores the program of a `command:` node, and the digests of it and of the files it is given.
public struct CommandProgram: Sendable {
  /// The program's path.
  public let path: String
  /// The words after the program, files among them with their full paths.
  public let words: [String]
  /// What belongs to the action's key.
  public let keyParameters: [String: JSON]

  /// Finds the program, and those of its words that are files beside the pipeline.
  /// - Parameter digest: returns the digest of a file.
  init(
    _ node: Node, words: [String], root: String, digest: (String) throws -> Digest
  ) throws {
    guard let program = words.first, let path = Self.find(program, root: root) else {
      throw ResolverError.missingProgram(words.first ?? "", node: node.name)
    }
    self.path = path
    var files: [String: JSON] = [:]
    var filled: [String] = []
    for word in words.dropFirst() {
      let place = word.hasPrefix("/") ? word : "\(root)/\(word)"
      if !word.isEmpty, CommandTemplate.placeholders(in: word).isEmpty, Self.isFile(place) {
        files[word] = .string(try digest(place).description)
        filled.append(place)
      } else {
        filled.append(word)
      }
    }
    self.words = filled
    var parameters: [String: JSON] = [
      "command": .array(words.map(JSON.string)),
      "program": .string(try digest(path).description),
    ]
    if !files.isEmpty { parameters["files"] = .object(files) }
    if !node.settings.isEmpty { parameters["set"] = .object(node.settings) }
    // Their names alone: what they hold is nobody's to know.
    if !node.secrets.isEmpty {
      parameters["secrets"] = .array(node.secrets.sorted().map(JSON.string))
    }
    keyParameters = parameters
  }

  private static func find(_ program: String, root: String) -> String? {
    if program.contains("/") {
      let path = program.hasPrefix("/") ? program : "\(root)/\(program)"
      return isFile(path) && access(path, X_OK) == 0 ? path : nil
    }
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(
      separator: ":")
    return folders.map { "\($0)/\(program)" }.first { isFile($0) && access($0, X_OK) == 0 }
  }

  private static func isFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }
}
