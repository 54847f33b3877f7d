public import ActionCache
public import Bytes
import Foundation
import Graph
import ObjectStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores one user: their name and where their own files are.
public struct User: Sendable {
  /// Where a user's files come from.
  public enum Source: Sendable {
    /// A file or folder.
    case path(String)
    /// Some files of a list that many users share, already in the store, and where that list is.
    case slice(Digest, list: String)
    /// Some files of a list that many users share.
    case questions(LaMPQuestions)
  }

  public let name: String
  public let source: Source
}

/// Stores the users of a build, in the order of their names' bytes or of their list.
public struct UserList: Sendable {
  /// The path that was given; nil if there are no users at all.
  public let path: String?
  public let users: [User]

  public init(path: String?, users: [User]) {
    self.path = path
    self.users = users
  }

  public static let none = UserList(path: nil, users: [])

  /// Reads who the users are, not yet what they wrote.
  ///
  /// Takes a folder with one entry per user, a LaMP questions file, or a CSV or JSONL list with the
  /// fields `user` and `source` (a path, relative to the list's folder).
  public init(reading path: String, cache: ActionCache) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw ResolverError.missingUsers(path: path) }
    let users: [User]
    if status.st_mode & S_IFMT == S_IFDIR {
      users = try Self.folder(path)
    } else {
      let lowercased = path.lowercased()
      if lowercased.hasSuffix(".csv") {
        users = try UserRows.csv(try Self.content(path), path: path)
      } else if lowercased.hasSuffix(".jsonl") || lowercased.hasSuffix(".ndjson") {
        users = try UserRows.jsonl(try Self.content(path), path: path)
      } else {
        users = try LaMPQuestions.users(path, cache: cache)
      }
    }
    var seen: Set<String> = []
    for user in users where !seen.insert(user.name).inserted {
      throw ResolverError.duplicateUser(user.name, path: path)
    }
    guard !users.isEmpty else { throw ResolverError.noUsers(path: path) }
    self.init(path: path, users: users)
  }

  private static func content(_ path: String) throws(FileError) -> [UInt8] {
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) { Array(file.bytes) }
  }

  private static func folder(_ path: String) throws -> [User] {
    guard let folder = opendir(path) else { throw FileError(.list, path, code: errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard bytes.first != UInt8(ascii: ".") else { continue }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw ResolverError.nameNotUTF8(path: path, shown: String(decoding: bytes, as: UTF8.self))
      }
      names.append(name)
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
      User(name: name, source: .path("\(path)/\(name)"))
    }
  }
}

/// Reads lists of users that name their files.
enum UserRows {
  static func jsonl(_ bytes: [UInt8], path: String) throws -> [User] {
    var users: [User] = []
    for (index, line) in bytes.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).enumerated() where line.contains(where: { $0 > 0x20 }) {
      guard let json = try? JSON(parsing: Array(line)) else {
        throw ResolverError.badUsers(path: path, line: index + 1, why: "not a JSON object")
      }
      let name = json["user"].flatMap { $0.stringValue ?? $0.intValue.map(String.init) }
      users.append(try user(name, json["source"]?.stringValue, path: path, line: index + 1))
    }
    return users
  }

  static func csv(_ bytes: [UInt8], path: String) throws -> [User] {
    let table = CSVTable(String(decoding: bytes, as: UTF8.self))
    if let line = table.openQuote {
      throw ResolverError.badUsers(
        path: path, line: line,
        why: "a quote opens here that nothing closes; close it, or write two for one in a name")
    }
    guard let header = table.rows.first else { return [] }
    let names = header.fields.map { $0.withoutMargins.lowercased() }
    guard let userAt = names.firstIndex(of: "user"), let sourceAt = names.firstIndex(of: "source")
    else {
      throw ResolverError.badUsers(
        path: path, line: header.line,
        why: "the first line must name the columns 'user' and 'source'")
    }
    return try table.rows.dropFirst().map { row in
      func field(_ at: Int) -> String? {
        row.fields.indices.contains(at) ? row.fields[at].withoutMargins : nil
      }
      return try user(field(userAt), field(sourceAt), path: path, line: row.line)
    }
  }

  private static func user(
    _ name: String?, _ source: String?, path: String, line: Int
  ) throws -> User {
    guard let name, !name.isEmpty else {
      throw ResolverError.badUsers(path: path, line: line, why: "there is no 'user'")
    }
    guard let source, !source.isEmpty else {
      throw ResolverError.badUsers(path: path, line: line, why: "there is no 'source'")
    }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return User(name: name, source: .path(source.hasPrefix("/") ? source : "\(folder)/\(source)"))
  }
}

extension String {
  /// The text without the spaces and tabs that lists are lined up with.
  fileprivate var withoutMargins: String {
    var text = self[...]
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }
}
