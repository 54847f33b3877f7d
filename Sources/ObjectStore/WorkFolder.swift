import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns the folder for the checkpoints of one action: no other process uses it at the same time.
///
/// The lock is the system's: it goes with the process that holds it, however that ends.
public final class WorkFolder: Sendable {
  /// The folder.
  public let path: String
  private let descriptor: Int32

  /// Makes the folder if need be, and waits until nobody else uses it.
  init(path: String) throws(StoreError) {
    self.path = path
    while true {
      try Disk.makeFolder(path)
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      if descriptor < 0, errno == ENOENT { continue }
      guard descriptor >= 0 else { throw Disk.failure(.open, path) }
      guard Self.lock(descriptor) else {
        let failure = Disk.failure(.lock, path)
        close(descriptor)
        throw failure
      }
      // The one we waited for may have finished, and removed the folder.
      if let present = FileStamp(path: path),
        present.inode == FileStamp(descriptor: descriptor)?.inode
      {
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  /// Takes a folder that is there, unless another process has it; then, or if there is none, nil.
  static func attempt(path: String) -> WorkFolder? {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0,
      let present = FileStamp(path: path),
      present.inode == FileStamp(descriptor: descriptor)?.inode
    else {
      close(descriptor)
      return nil
    }
    return WorkFolder(path: path, descriptor: descriptor)
  }

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Removes the folder with all it holds.
  public func remove() throws(StoreError) { try Disk.remove(path) }

  private static func lock(_ descriptor: Int32) -> Bool {
    while flock(descriptor, LOCK_EX) != 0 {
      // A file system without locks: better to run without than not at all.
      if errno == ENOLCK || errno == ENOTSUP { return true }
      if errno != EINTR { return false }
    }
    return true
  }
}
