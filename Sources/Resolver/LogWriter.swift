import Bytes
import Foundation

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
    if descriptor < 0, errno == ENOENT, let slash = path.lastIndex(of: "/") {
      try? FileManager.default.createDirectory(
        atPath: String(path[..<slash]), withIntermediateDirectories: true)
      descriptor = open(path, flags, 0o600)
    }
    guard descriptor >= 0 else { throw FileError(.create, path, code: errno) }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Appends bytes. A log that does not fit on the disk fails no action.
  func write(_ bytes: ArraySlice<UInt8>) {
    _ = bytes.withUnsafeBytes { SystemCall.write(descriptor, $0) }
  }

  /// Appends a line.
  func write(line: String) { write(Array((line + "\n").utf8)[...]) }
}
