import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns the two ends of a pipe to or from a program.
final class Pipe {
  let reading: Int32
  let writing: Int32
  private var isReadingOpen = true
  private var isWritingOpen = true

  /// - Parameters:
  ///   - path: the program, for words.
  ///   - isInput: whether the program reads from it; else plm does, and waits on several.
  init(_ path: String, isInput: Bool = false) throws(FileError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw FileError(.create, path, code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
    if !isInput { _ = fcntl(reading, F_SETFL, O_NONBLOCK) }
  }

  func closeReading() {
    if isReadingOpen { close(reading) }
    isReadingOpen = false
  }

  func closeWriting() {
    if isWritingOpen { close(writing) }
    isWritingOpen = false
  }

  deinit {
    closeReading()
    closeWriting()
  }

  /// Takes what there is to read; false at the end.
  func drain(_ consume: (ArraySlice<UInt8>) -> Void) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(reading, &buffer, buffer.count)
      if count == 0 { return false }
      if count < 0 { return errno == EAGAIN || errno == EINTR }
      consume(buffer[..<count])
    }
  }

  /// Writes all the bytes; false if nobody reads them any more.
  func send(_ bytes: [UInt8]) -> Bool {
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { write(writing, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { return false }
      start += max(0, count)
    }
    return true
  }

  /// Waits a tenth of a second at most until there is something to read; returns where.
  static func wait(for pipes: [Pipe]) -> [Pipe] {
    var polls = pipes.map { pollfd(fd: $0.reading, events: Int16(POLLIN), revents: 0) }
    guard poll(&polls, nfds_t(polls.count), 100) > 0 else { return [] }
    return zip(pipes, polls).filter { $0.1.revents != 0 }.map(\.0)
  }
}

/// Cuts what comes piece by piece into lines.
struct LineCutter {
  private var line: [UInt8] = []
  /// A line longer than this is no report, and is dropped.
  private static let limit = 1 << 20

  mutating func cut(_ piece: ArraySlice<UInt8>, _ report: (String) -> Void) {
    line += piece
    while let end = line.firstIndex(of: UInt8(ascii: "\n")) {
      report(String(decoding: line[..<end], as: UTF8.self))
      line.removeSubrange(...end)
    }
    if line.count > Self.limit { line.removeAll() }
  }
}
