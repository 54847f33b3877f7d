public import ActionCache
public import Bytes
import ObjectStore

/// Takes files and folders from outside into the store, reading only what has changed.
public struct SourceReader: Sendable {
  private let cache: ActionCache
  private let audit: ObjectAudit
  /// Whether what is read is also stored; a dry run only wants to know the digests.
  private let storing: Bool
  /// Told of what in a folder is not taken.
  private let warn: @Sendable (String) -> Void

  public init(
    cache: ActionCache, audit: ObjectAudit, storing: Bool,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.cache = cache
    self.audit = audit
    self.storing = storing
    self.warn = warn
  }

  /// Returns the digest of a file or folder as it is now.
  ///
  /// What a stage reads is this snapshot in the store: it cannot change under the stage's hands. A
  /// folder in which anything changed while it was read is read again, three times at most.
  public func digest(of path: String) throws -> Digest {
    guard let stamp = FileStamp(path: path) else {
      throw FileError(.open, path, code: 2)
    }
    for _ in 0..<3 {
      do {
        return try stamp.isFolder ? folder(path) : file(path, stamp)
      } catch StoreError.changedWhileRead {
        continue
      }
    }
    throw ResolverError.keepsChanging(path: path)
  }

  private func file(_ path: String, _ stamp: FileStamp) throws -> Digest {
    if let known = try known(path, stamp) { return known }
    guard storing else { return try Digest(ofFile: path) }
    let (digest, read) = try cache.store.put(stampedFile: path)
    cache.remember([ActionCache.Known(path: path, stamp: read, digest: digest)])
    audit.trust(digest, of: Self.owner(path))
    return digest
  }

  private static func owner(_ path: String) -> String { "the copy of \(path)" }

  private func known(_ path: String, _ stamp: FileStamp) throws -> Digest? {
    guard let known = try cache.digest(of: path, stamp: stamp) else { return nil }
    return try !storing || audit.damage(in: known, of: Self.owner(path)).isEmpty ? known : nil
  }

  /// What `read` gives of a file in a folder; nil, with a warning, if the file cannot be read.
  ///
  /// One that may not be read must not cost a user all their others.
  private func readable<Value>(_ file: SourceFile, _ read: () throws -> Value) throws -> Value? {
    do {
      return try read()
    } catch StoreError.file(let error)
      where error.path == file.shown && (error.operation == .open || error.operation == .read)
    {
      warn("\(error), and is left out")
      return nil
    }
  }

  private func folder(_ path: String) throws -> Digest {
    let found = try SourceFolder(path, omittingUnreadable: true)
    for (omitted, why) in found.omitted {
      warn("\(path)/\(omitted) is \(why.rawValue), and is left out")
    }
    let files = found.files
    var entries: [TreeEntry] = []
    var learned: [ActionCache.Known] = []
    var seen: [String: FileStamp] = [:]
    var unread: Set<String> = []
    for file in files {
      if let known = try known(file.shown, file.stamp) {
        entries.append(TreeEntry(path: file.path, digest: known, size: file.stamp.size))
        seen[file.path] = file.stamp
      } else if storing {
        guard let (entry, stamp) = try readable(file, { try cache.store.put(source: file) }) else {
          unread.insert(file.path)
          continue
        }
        entries.append(entry)
        seen[file.path] = stamp
        learned.append(ActionCache.Known(path: file.shown, stamp: stamp, digest: entry.digest))
        audit.trust(entry.digest, of: Self.owner(file.shown))
      } else {
        guard let digest = try readable(file, { try cache.store.digest(of: file) }) else {
          unread.insert(file.path)
          continue
        }
        entries.append(TreeEntry(path: file.path, digest: digest, size: file.stamp.size))
        seen[file.path] = file.stamp
      }
    }
    cache.remember(learned)
    if !learned.isEmpty {
      let now = try SourceFolder(path, omittingUnreadable: true).files
        .filter { !unread.contains($0.path) }
      guard now.count == seen.count, now.allSatisfy({ seen[$0.path] == $0.stamp }) else {
        throw StoreError.changedWhileRead(path: path)
      }
    }
    guard storing else { return Digest(of: try Tree(entries).listing) }
    let digest = try cache.store.put(tree: entries)
    audit.trust(digest)
    return digest
  }
}
