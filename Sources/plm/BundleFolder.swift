import Bytes
import Foundation
import ObjectStore

/// Copies a bundle out of the store, into a folder that is complete or not there at all.
struct BundleFolder {
  /// Where the bundle shall lie.
  let path: String
  /// Whether it is a base that bundles share, which has no manifest of its own.
  var isBase = false

  private var files: FileManager { .default }

  /// Writes the bundle; one that is there already, and the same, stays untouched.
  /// - Throws: `UsageProblem` if the folder holds something that is no bundle; `StoreError`,
  ///   `FileError`.
  func write(_ tree: Tree, from store: ObjectStore) throws {
    if files.fileExists(atPath: path) {
      guard isBundle || isBase else {
        throw UsageProblem("\(path) is there and holds no bundle; nothing in it was changed")
      }
      if try isSame(as: tree) { return }
    }
    let url = URL(fileURLWithPath: path)
    let beside =
      url.deletingLastPathComponent().path
      + "/.\(url.lastPathComponent.prefix(100)).\(ProcessInfo.processInfo.processIdentifier)"
    try? files.removeItem(atPath: beside)
    defer { try? files.removeItem(atPath: beside) }
    for entry in tree.entries {
      let place = "\(beside)/\(entry.path)"
      try make(folder: URL(fileURLWithPath: place).deletingLastPathComponent().path)
      let content = try store.map(entry.digest)
      try content.withBytes { try write($0, to: place) }
    }
    try attempt(.remove, path) {
      if files.fileExists(atPath: path) { try files.removeItem(atPath: path) }
    }
    try attempt(.rename, path) { try files.moveItem(atPath: beside, toPath: path) }
  }

  private var isBundle: Bool {
    guard let file = try? MappedFile(path: path + "/manifest.json"),
      let manifest = try? JSON(parsing: file.withBytes { Array($0) })
    else { return (try? files.contentsOfDirectory(atPath: path).isEmpty) ?? false }
    return manifest["format"]?.stringValue?.hasPrefix("plm-bundle ") ?? false
  }

  private func isSame(as tree: Tree) throws -> Bool {
    let found = (files.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).filter {
      !CommonOptions.isFolder("\(path)/\($0)")
    }
    guard Set(found) == Set(tree.entries.map(\.path)) else { return false }
    return tree.entries.allSatisfy { entry in
      guard let file = try? MappedFile(path: "\(path)/\(entry.path)"), file.count == entry.size
      else { return false }
      return file.withBytes { bytes in
        var hasher = Hasher256()
        hasher.update(bytes)
        return hasher.finish() == entry.digest
      }
    }
  }

  private func make(folder: String) throws {
    try attempt(.create, folder) {
      try files.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to place: String) throws {
    try attempt(.write, place) {
      try Data(bytes).write(to: URL(fileURLWithPath: place))
    }
  }

  /// Says which file it was and what the system said.
  private func attempt(
    _ operation: FileError.Operation, _ place: String, _ body: () throws -> Void
  ) throws {
    do {
      try body()
    } catch {
      let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
      throw FileError(operation, place, code: Int32(clamping: cause?.code ?? Int(EIO)))
    }
  }
}
