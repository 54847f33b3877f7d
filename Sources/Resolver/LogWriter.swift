import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns the log of an action while it is written.
final class LogWriter {
  let descriptor: Int32

  /// Opens a log; folders above it are made.
  /// - Parameter appending: whether what is there already stays; else an earlier run's log is gone.
  init(_ path: String, appending: Bool = false) throws(FileError) {
    // A new file: what a killed run has started may live on, and write to the one that was.
    if !appending { unlink(path) }
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
    var descriptor = open(path, flags, 0o600)
    if descriptor < 0, errno == ENOENT {
      try Self.makeFolder(above: path)
      descriptor = open(path, flags, 0o600)
    }
    guard descriptor >= 0 else { throw FileError(.create, path, code: errno) }
    self.descriptor = descriptor
  }

  private static func makeFolder(above path: String) throws(FileError) {
    guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return }
    let folder = String(path[..<slash])
    if mkdir(folder, 0o700) == 0 || errno == EEXIST { return }
    if errno == ENOENT {
      try makeFolder(above: folder)
      if mkdir(folder, 0o700) == 0 || errno == EEXIST { return }
    }
    throw FileError(.create, folder, code: errno)
  }

  deinit { close(descriptor) }

  /// Appends bytes. A log that does not fit on the disk fails no action.
  func write(_ bytes: ArraySlice<UInt8>) {
    _ = bytes.withUnsafeBytes { SystemCall.write(descriptor, $0) }
  }

  /// Appends a line.
  func write(line: String) { write(Array((line + "\n").utf8)[...]) }
}
