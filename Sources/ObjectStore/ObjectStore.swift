public import Bytes
import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores immutable files and trees under the SHA-256 of their content, in a folder.
///
/// The layout page says what lies where. Any number of processes may use one store at once.
public struct ObjectStore: Sendable {
  /// The folder.
  public let path: String
  let verified = VerifiedObjects()
  let damaged = DamagedObjects()

  /// What the file `format` of a store holds, in one line.
  public static let format = "plm-store 1\n"

  /// Opens a store that is there.
  /// - Throws: `StoreError.notAStore`, `.wrongFormat`, or what the system says.
  public init(opening path: String) throws(StoreError) {
    self.path = Self.trimmed(path)
    guard let found = try Self.readFormat(self.path) else {
      guard FileStamp(path: self.path) != nil else {
        throw .file(FileError(.open, self.path, code: ENOENT))
      }
      throw .notAStore(path: self.path)
    }
    try Self.check(found, at: self.path)
  }

  /// Opens the store at a path, or makes one where there is none or an empty folder.
  ///
  /// A folder that holds anything but a README and dot-files is left alone: it is not ours.
  public static func create(at path: String) throws(StoreError) -> ObjectStore {
    let path = trimmed(path)
    if try readFormat(path) == nil {
      try Disk.makeFolder(path, mode: 0o700)
      let foreign = try Disk.names(in: path).first {
        !$0.hasPrefix(".") && !$0.hasPrefix("README") && !folders.contains($0) && $0 != "lost+found"
      }
      // Another process may have made the store, and filled it, since we looked.
      if foreign != nil, try readFormat(path) == nil { throw .notAStore(path: path) }
      guard chmod(path, 0o700) == 0 else { throw Disk.failure(.create, path) }
      for folder in folders { try Disk.makeFolder(path + "/" + folder) }
      let file = try TemporaryFile(in: path + "/tmp")
      let text = Array(format.utf8)
      try text.withBytes { bytes throws(StoreError) in try file.write(bytes) }
      _ = try file.moveDurably(to: path + "/format", size: text.count)
    }
    let store = try ObjectStore(opening: path)
    // Whether that works matters to nobody: a store that cannot be written to can still be read.
    _ = try? store.removeStaleTemporaries()
    return store
  }

  /// Removes what processes that were killed left behind. Returns how many files and folders that
  /// were.
  @discardableResult
  public func removeStaleTemporaries() throws(StoreError) -> Int {
    try TemporaryName.removeStale(in: temporaryFolder)
  }

  /// Makes all that was written so far survive a power cut.
  public func sync() throws(StoreError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Disk.failure(.open, path) }
    defer { close(descriptor) }
    #if os(Linux)
      guard syncfs(descriptor) == 0 else { throw Disk.failure(.sync, path) }
    #else
      Darwin.sync()
    #endif
  }

  /// The replies of teachers.
  public var replies: ReplyStore { ReplyStore(store: self) }

  /// Where the checkpoints of an action lie; the folder need not be there.
  public func workFolder(for actionKey: Digest) -> String { "\(path)/work/\(actionKey.hex)" }

  /// Where the log of an action lies; the file need not be there.
  public func logFile(for actionKey: Digest) -> String {
    "\(path)/logs/\(Self.split(actionKey)).log"
  }

  var temporaryFolder: String { path + "/tmp" }

  private static let folders = [
    "objects", "tmp", "quarantine", "work", "replies", "logs", "locks", "journal",
  ]

  /// `ab/<62>`: 256 folders, so that none grows too large to list.
  static func split(_ digest: Digest) -> String {
    let hex = digest.hex
    return hex.prefix(2) + "/" + hex.dropFirst(2)
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.hasSuffix("/"), path.count > 1 { path.removeLast() }
    return path.isEmpty ? "." : path
  }

  private static func readFormat(_ path: String) throws(StoreError) -> String? {
    do {
      return try Disk.contents(path + "/format").map { String(decoding: $0, as: UTF8.self) }
    } catch .file(let error) where error.code == ENOTDIR {
      throw .notAStore(path: path)
    }
  }

  private static func check(_ found: String, at path: String) throws(StoreError) {
    guard found != format else { return }
    let line = found.split(separator: "\n").first.map { String($0.prefix(40)) } ?? "empty"
    throw found.hasPrefix("plm-store ")
      ? .wrongFormat(path: path, found: line) : .notAStore(path: path)
  }
}
