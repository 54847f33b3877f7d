public import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores a lock on a file that the system lets go of when the process ends, however it ends.
public final class FileLock: Sendable {
  private let descriptor: Int32
  private let path: String
  private let removes: Bool

  private init(descriptor: Int32, path: String, removes: Bool) {
    self.descriptor = descriptor
    self.path = path
    self.removes = removes
  }

  /// Who else may hold the lock at the same time.
  public enum Mode: Sendable {
    case shared, exclusive
  }

  /// Takes the lock, or returns nil if another process has it.
  /// - Parameter removes: whether the file goes when the lock is let go of.
  public static func attempt(
    _ path: String, mode: Mode = .exclusive, removes: Bool = false
  ) throws(FileError) -> FileLock? {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw FileError(.create, path, code: errno) }
      if flock(descriptor, (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
        let code = errno
        close(descriptor)
        if code == EWOULDBLOCK { return nil }
        if code == EINTR { continue }
        throw FileError(.lock, path, code: code)
      }
      // The holder before may have removed the file between our opening and locking it.
      var ours = stat()
      var there = stat()
      if fstat(descriptor, &ours) == 0, stat(path, &there) == 0, ours.st_ino == there.st_ino {
        return FileLock(descriptor: descriptor, path: path, removes: removes)
      }
      close(descriptor)
    }
  }

  deinit {
    if removes { unlink(path) }
    close(descriptor)
  }
}

/// Removes a file if it is there.
func unlinkFile(_ path: String) { _ = unlink(path) }
