import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Tells of progress and logs, so that neither gets into a result.
struct Reporter: Sendable {
  /// Where progress goes as JSON lines; nil says it in words on the log.
  let progressDescriptor: Int32?
  let logDescriptor: Int32
  /// The request of a worker that is being worked on.
  var id: JSON?

  func progress(_ facts: [String: JSON]) {
    if let progressDescriptor {
      var facts = facts
      if let id { facts["id"] = id }
      write(JSON.object(facts).text + "\n", to: progressDescriptor)
    } else {
      let words = facts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.shown)" }
      log(words.joined(separator: " · "))
    }
  }

  func log(_ message: String) { write(message + "\n", to: logDescriptor) }

  /// Writes a line in one go; a reader that has gone away is no reason to fail.
  func write(_ line: String, to descriptor: Int32) {
    let bytes = Array(line.utf8)
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { SystemCall.write(descriptor, $0) }
      if count < 0, errno != EINTR { return }
      start += max(0, count)
    }
  }

  /// File descriptor 3, if whoever started the stage opened it for writing.
  static func inheritedProgress() -> Int32? {
    let flags = fcntl(3, F_GETFL)
    guard flags >= 0, flags & O_ACCMODE != O_RDONLY else { return nil }
    // The runtime may have taken the number for an event queue of its own before main. That one
    // is closed on exec, as nothing can be that came through an exec; and it is no kind of file.
    var status = stat()
    guard fcntl(3, F_GETFD) & FD_CLOEXEC == 0, fstat(3, &status) == 0,
      status.st_mode & S_IFMT != 0
    else { return nil }
    _ = fcntl(3, F_SETFD, FD_CLOEXEC)
    return 3
  }
}
