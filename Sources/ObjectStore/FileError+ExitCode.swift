public import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension FileError {
  /// Whether the system may say yes another time: full disk, read-only place, too many open files.
  public var isTemporary: Bool {
    switch code {
    case ENOSPC, EDQUOT, EROFS, EMFILE, ENFILE, ENOMEM, EAGAIN: true
    case EACCES, EPERM: writes
    default: false
    }
  }

  /// The exit code that a program should end with: 75 try again later, 2 no such path, else 1.
  public var exitCode: Int32 {
    if isTemporary { return 75 }
    return code == ENOENT || code == ENOTDIR ? 2 : 1
  }

  private var writes: Bool {
    switch operation {
    case .write, .create, .rename, .remove, .sync, .lock: true
    case .open, .read, .map, .stat, .list: false
    }
  }
}
