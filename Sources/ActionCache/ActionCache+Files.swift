public import Bytes
import GRDB
public import ObjectStore

/// What is known of files without reading them again. None of it is from the journal: losing it costs
/// a reading.
extension ActionCache {
  // MARK: Stamps

  /// Returns the digest of a file that still has the stamp it had when it was read.
  public func digest(of path: String, stamp: FileStamp) throws -> Digest? {
    try index.read { connection in
      let statement = try connection.cachedStatement(
        sql: """
          SELECT digest FROM stamp WHERE path = ? AND device = ? AND inode = ? AND size = ?
          AND modified = ? AND changed = ?
          """)
      let found = try String.fetchOne(
        statement,
        arguments: [
          path, Int64(bitPattern: stamp.device), Int64(bitPattern: stamp.inode), stamp.size,
          stamp.modified, stamp.changed,
        ])
      return found.flatMap { Digest($0) }
    }
  }

  /// One file whose content is known.
  public struct Known: Sendable {
    public let path: String
    public let stamp: FileStamp
    public let digest: Digest

    public init(path: String, stamp: FileStamp, digest: Digest) {
      self.path = path
      self.stamp = stamp
      self.digest = digest
    }
  }

  /// Remembers what files hold. What cannot be remembered costs a reading, nothing else.
  public func remember(_ files: [Known]) {
    guard !files.isEmpty else { return }
    try? index.write { connection in
      for file in files {
        try connection.cachedStatement(
          sql: "INSERT OR REPLACE INTO stamp VALUES (?, ?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
          file.path, Int64(bitPattern: file.stamp.device), Int64(bitPattern: file.stamp.inode),
          file.stamp.size, file.stamp.modified, file.stamp.changed, file.digest.hex,
        ])
      }
    }
  }

  // MARK: Slices

  /// Returns what each user of a list is known to own, in the order of the list.
  public func slices(of list: Digest) throws -> [(user: String, digest: Digest)] {
    try index.read { connection in
      try Row.fetchAll(
        connection, sql: "SELECT user, digest FROM slice WHERE list = ? ORDER BY position",
        arguments: [list.hex]
      ).compactMap { row in
        guard let digest = Digest(row["digest"] as String) else { return nil }
        return (row["user"], digest)
      }
    }
  }

  /// Remembers what each user of a list owns.
  public func remember(slices: [(user: String, digest: Digest)], of list: Digest) {
    try? index.write { connection in
      try connection.execute(sql: "DELETE FROM slice WHERE list = ?", arguments: [list.hex])
      for (position, slice) in slices.enumerated() {
        try connection.execute(
          sql: "INSERT INTO slice VALUES (?, ?, ?, ?)",
          arguments: [list.hex, position, slice.user, slice.digest.hex])
      }
    }
  }
}
