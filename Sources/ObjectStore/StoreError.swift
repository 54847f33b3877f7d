public import Bytes

/// Says why the store could not do what was asked.
public enum StoreError: Error, Equatable, Sendable {
  /// The folder is no store.
  case notAStore(path: String)
  /// The folder is a store of a format this program does not know.
  case wrongFormat(path: String, found: String)
  /// No object has this digest.
  case missing(Digest)
  /// An object is not what its name says; it has been put into quarantine where that was possible.
  case damaged(Digest, Damage)
  /// A file was asked for and the digest names a tree.
  case isTree(Digest)
  /// A tree was asked for and the digest names a file.
  case isFile(Digest)
  /// The tree has no file of that path.
  case noEntry(path: String, tree: Digest)
  /// A path that a tree cannot hold: empty, absolute, with dots, twice, or a file and a folder.
  case badPath(String)
  /// A prefix with other characters than hexadecimal digits.
  case badPrefix(String)
  /// The source kept changing while it was read.
  case changedWhileRead(path: String)
  /// Symbolic links that only lead to each other.
  case linkLoop(path: String)
  /// A source that is neither a file nor a folder.
  case notAFile(path: String)
  /// A teacher's reply that is not UTF-8, so not a text.
  case replyNotText(request: Digest, draw: Int)
  /// A stored reply that is not what was stored; it has been put into quarantine.
  case damagedReply(request: Digest, draw: Int)
  /// The system refused.
  case file(FileError)
}

/// Says in which way an object is damaged.
public enum Damage: Equatable, Sendable {
  /// The content hashes to something else.
  case content(found: Digest)
  /// The compressed form ends too early, is broken, or goes on after its end.
  case compression
  /// The listing of a tree is not in canonical form.
  case listing
  /// The disk could not read it: the system's error number.
  case unreadable(code: Int32)
}

extension StoreError {
  /// The object that has to be made again before the same request can succeed, if there is one.
  public var objectToRebuild: Digest? {
    switch self {
    case .missing(let digest), .damaged(let digest, _): digest
    default: nil
    }
  }

  /// Whether the same request can succeed later, once somebody has made room or lifted a limit.
  public var isTemporary: Bool {
    guard case .file(let error) = self else { return false }
    return error.isTemporary
  }

  /// The exit code that a program should end with.
  public var exitCode: Int32 {
    switch self {
    case .missing, .damaged, .damagedReply: 3
    case .notAStore, .wrongFormat, .badPrefix, .notAFile: 2
    case .file(let error): error.exitCode
    default: 1
    }
  }
}
