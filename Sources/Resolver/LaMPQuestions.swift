import ActionCache
import Bytes
import Foundation
import ObjectStore

/// Stores LaMP questions and gold outputs of many users, to be cut into one slice per user.
///
/// A slice is a tree with the same file names, each holding the user's own entries: the bytes of
/// every question are kept as they are.
public final class LaMPQuestions: Sendable {
  /// One file of questions: its bytes, and where whose questions are.
  private struct Questions: Sendable {
    let name: String
    let file: MappedFile
    let byUser: [String: [Range<Int>]]
    let identifiers: [String: Set<String>]
  }

  /// One file of gold outputs.
  private struct Golds: Sendable {
    let name: String
    /// The name of the questions that it answers.
    let questions: String
    let task: JSON
    let golds: [String: JSON]
  }

  private let questions: [Questions]
  private let golds: [Golds]

  /// Reads the users of a questions file and of its sibling of the other split.
  static func users(_ path: String, cache: ActionCache) throws -> [User] {
    let (folder, names) = files(besides: path)
    // Slices of another rule must not be found again: this one gives each split its own outputs.
    var digests: [JSON] = ["golds by split"]
    for name in names {
      let place = "\(folder)/\(name)"
      guard let stamp = FileStamp(path: place) else { continue }
      let digest: Digest
      if let known = try cache.digest(of: place, stamp: stamp) {
        digest = known
      } else {
        digest = try Digest(ofFile: place)
        // Remembered only once a change would show in the stamp.
        if Timestamp.now.milliseconds - Int(stamp.changed / 1_000_000) > 2000 {
          cache.remember([ActionCache.Known(path: place, stamp: stamp, digest: digest)])
        }
      }
      digests.append([.string(name), .string(digest.description)])
    }
    let list = Digest(of: JSON.array(digests).bytes)
    let slices = try cache.slices(of: list)
    if !slices.isEmpty, slices.allSatisfy({ cache.store.kind(of: $0.digest) == .tree }) {
      return slices.map { User(name: $0.user, source: .slice($0.digest, list: path)) }
    }
    let loaded = try LaMPQuestions(folder: folder, names: names)
    let users = Set(loaded.questions.flatMap { $0.byUser.keys }).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    // The slices are small next to what will be made of them, so all are stored at once; where that
    // is not possible (a dry run on a store that cannot be written) they are cut when needed.
    var stored: [(user: String, digest: Digest)] = []
    do {
      for user in users { stored.append((user, try loaded.store(user, in: cache.store))) }
      cache.remember(slices: stored, of: list)
      return stored.map { User(name: $0.user, source: .slice($0.digest, list: path)) }
    } catch {
      return users.map { User(name: $0, source: .questions(loaded)) }
    }
  }

  /// Reads a questions file and what belongs to it.
  convenience init(_ path: String) throws {
    let (folder, names) = Self.files(besides: path)
    try self.init(folder: folder, names: names)
  }

  /// The folder of a questions file, and the names of those that are there of what belongs to it.
  private static func files(besides path: String) -> (folder: String, names: [String]) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let own = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    let names = siblings(of: own).filter {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)")
    }
    return (folder, names)
  }

  /// The files that belong together: all splits but training, questions and outputs, with one
  /// prefix.
  private static func siblings(of name: String) -> [String] {
    guard name.hasSuffix(questionsEnd) else { return [name] }
    let before = name.dropLast(questionsEnd.count)
    let mark = before.last ?? " "
    let words = before.split(omittingEmptySubsequences: false) { "_-.".contains($0) }
    let splits = ["dev", "val", "validation", "test"]
    // The word directly before "questions", which a mark divides from it.
    guard words.last?.isEmpty == true, let split = words.dropLast().last.map(String.init),
      splits.contains(split)
    else { return [name, before + outputsEnd] }
    let prefix = before.dropLast(split.count + 1)
    return splits.flatMap {
      ["\(prefix)\($0)\(mark)\(outputsEnd)", "\(prefix)\($0)\(mark)\(questionsEnd)"]
    }
  }

  private static let questionsEnd = "questions.json"
  private static let outputsEnd = "outputs.json"

  private init(folder: String, names: [String]) throws {
    var questions: [Questions] = []
    var golds: [Golds] = []
    for name in names {
      let path = "\(folder)/\(name)"
      let file = try MappedFile(path: path)
      if name.hasSuffix(Self.outputsEnd) {
        guard let json = try? JSON(parsing: withExtendedLifetime(file) { Array(file.bytes) }),
          let list = json["golds"]?.arrayValue
        else { throw ResolverError.badUsers(path: path, line: 0, why: "not a LaMP outputs file") }
        golds.append(
          Golds(
            name: name, questions: name.dropLast(Self.outputsEnd.count) + Self.questionsEnd,
            task: json["task"] ?? .null,
            golds: Dictionary(
              list.compactMap { gold in Self.text(gold["id"]).map { ($0, gold) } },
              uniquingKeysWith: { first, _ in first })))
      } else {
        questions.append(try Self.readQuestions(file, path: path, name: name))
      }
    }
    self.questions = questions
    self.golds = golds
  }

  private static func text(_ json: JSON?) -> String? {
    json?.stringValue ?? json?.intValue.map(String.init)
  }

  private static func readQuestions(
    _ file: MappedFile, path: String, name: String
  ) throws -> Questions {
    guard let entries = withExtendedLifetime(file, { JSONArrayScan.entries(of: file.bytes) }) else {
      throw ResolverError.badUsers(
        path: path, line: 0,
        why: "not a LaMP questions file (a JSON array of objects with 'id' and 'input')")
    }
    var byUser: [String: [Range<Int>]] = [:]
    var identifiers: [String: Set<String>] = [:]
    for entry in entries {
      guard let id = entry.members["id"] ?? entry.members["user_id"] else {
        throw ResolverError.badUsers(path: path, line: 0, why: "a question has no 'id'")
      }
      let user = entry.members["user_id"] ?? id
      byUser[user, default: []].append(entry.range)
      identifiers[user, default: []].insert(id)
    }
    return Questions(name: name, file: file, byUser: byUser, identifiers: identifiers)
  }

  /// Returns the files of one user.
  func files(of user: String) -> [(name: String, bytes: [UInt8])] {
    var files: [(name: String, bytes: [UInt8])] = []
    for part in questions {
      guard let ranges = part.byUser[user] else { continue }
      var bytes: [UInt8] = [UInt8(ascii: "[")]
      for (index, range) in ranges.enumerated() {
        if index > 0 { bytes += ",\n".utf8 }
        withExtendedLifetime(part.file) {
          bytes += UnsafeRawBufferPointer(rebasing: part.file.bytes[range])
        }
      }
      bytes += "]\n".utf8
      files.append((part.name, bytes))
    }
    for part in golds {
      // Every split may count its questions from 0, so ids say nothing across files.
      let mine = questions.first { $0.name == part.questions }?.identifiers[user] ?? []
      let own = mine.sorted().compactMap { part.golds[$0] }
      guard !own.isEmpty else { continue }
      let json: JSON = ["golds": .array(own), "task": part.task]
      files.append((part.name, json.bytes + [UInt8(ascii: "\n")]))
    }
    return files
  }

  /// Stores the slice of one user.
  func store(_ user: String, in store: ObjectStore) throws -> Digest {
    try store.put(
      tree: try files(of: user).map { file in
        TreeEntry(path: file.name, digest: try store.put(file.bytes), size: file.bytes.count)
      })
  }

  /// Returns the digest that the slice of one user would have.
  func digest(of user: String) throws -> Digest {
    let entries = files(of: user).map { file in
      TreeEntry(path: file.name, digest: Digest(of: file.bytes), size: file.bytes.count)
    }
    return Digest(of: try Tree(entries).listing)
  }
}

/// Cuts a JSON array of objects into its entries without parsing what is inside them.
enum JSONArrayScan {
  struct Entry {
    var range: Range<Int>
    /// The texts and whole numbers of `id` and `user_id`.
    var members: [String: String]
  }

  /// Returns nil if it is no array of objects.
  static func entries(of bytes: UnsafeRawBufferPointer) -> [Entry]? {
    var entries: [Entry] = []
    var depth = 0
    var at = 0
    var start = 0
    var members: [String: String] = [:]
    var key: String?
    var expectsKey = false
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        let end = endOfText(bytes, at)
        guard end <= bytes.count else { return nil }
        if depth == 2 {
          let text = try? JSON(parsing: Array(UnsafeRawBufferPointer(rebasing: bytes[at..<end])))
          if expectsKey {
            key = text?.stringValue
            expectsKey = false
          } else if let name = key, name == "id" || name == "user_id" {
            members[name] = text?.stringValue
            key = nil
          }
        }
        at = end
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        if depth == 0, bytes[at] != UInt8(ascii: "[") { return nil }
        if depth == 1 {
          guard bytes[at] == UInt8(ascii: "{") else { return nil }
          (start, members, key, expectsKey) = (at, [:], nil, true)
        }
        depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth < 0 { return nil }
        if depth == 1 { entries.append(Entry(range: start..<at + 1, members: members)) }
      case UInt8(ascii: ","):
        if depth == 2 { (key, expectsKey) = (nil, true) }
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        if depth == 2, let name = key, name == "id" || name == "user_id" {
          let end = bytes[at...].firstIndex { ",} \n\r\t".utf8.contains($0) } ?? bytes.count
          members[name] = String(decoding: bytes[at..<end], as: UTF8.self)
          at = end
          continue
        }
      default: break
      }
      at += 1
    }
    return depth == 0 ? entries : nil
  }

  private static func endOfText(_ bytes: UnsafeRawBufferPointer, _ quote: Int) -> Int {
    var at = quote + 1
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "\\") {
        at += 2
      } else if bytes[at] == UInt8(ascii: "\"") {
        return at + 1
      } else {
        at += 1
      }
    }
    return bytes.count + 1
  }
}
