import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns the log of an action while it is written: what an earlier run left there is gone.
final class LogWriter {
  let descriptor: Int32

  init(_ path: String) throws(FileError) {
    if let slash = path.lastIndex(of: "/") { mkdir(String(path[..<slash]), 0o700) }
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError(.create, path, code: errno) }
  }

  deinit { close(descriptor) }

  /// Appends bytes. A log that does not fit on the disk fails no action.
  func write(_ bytes: ArraySlice<UInt8>) {
    _ = bytes.withUnsafeBytes { SystemCall.write(descriptor, $0) }
  }

  /// Appends a line.
  func write(line: String) { write(Array((line + "\n").utf8)[...]) }
}
