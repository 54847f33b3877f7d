public import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores every finished action as a line of JSON, appended and never changed.
///
/// A line is written whole by one `write` under `flock`. A line torn by a crash or a full disk is
/// closed by the next writer and passed over by readers: it costs itself, never the journal.
public struct Journal: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// Appends lines, all or none of them.
  public func append(_ entries: [JournalEntry]) throws(FileError) {
    guard !entries.isEmpty else { return }
    let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw FileError(.write, path, code: errno) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw FileError(.lock, path, code: errno) }
    }
    let size = lseek(descriptor, 0, SEEK_END)
    guard size >= 0 else { throw FileError(.read, path, code: errno) }
    var bytes: [UInt8] = []
    if size > 0 {
      var last: UInt8 = 0
      guard pread(descriptor, &last, 1, size - 1) == 1 else {
        throw FileError(.read, path, code: errno)
      }
      if last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
    }
    for entry in entries {
      bytes += entry.json.bytes
      bytes.append(UInt8(ascii: "\n"))
    }
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count else {
      let code = written < 0 ? errno : ENOSPC
      // What did get written is cut off again; if that fails too, the next writer closes the line.
      ftruncate(descriptor, size)
      throw FileError(.write, path, code: code)
    }
  }

  /// What there is to read from some place on.
  struct Reading {
    var entries: [JournalEntry] = []
    /// Lines that are no entries: torn ones, or ones of a later version.
    var passedOver = 0
    /// Where the next reading starts: behind the last whole line.
    var end: Int
    /// The last bytes before `end`, to tell this journal from another.
    var tail: [UInt8]
  }

  static let tailLength = 128

  /// Reads whole lines from a place on; nil if the journal does not go on from there.
  /// - Parameter tail: the bytes that must stand before it.
  func read(from start: Int, tail: [UInt8]) throws(FileError) -> Reading? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return start == 0 ? Reading(end: 0, tail: []) : nil }
      throw FileError(.open, path, code: errno)
    }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard size >= start else { return nil }
    let from = start - tail.count
    var bytes = [UInt8](repeating: 0, count: size - from)
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        pread(
          descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled,
          off_t(from + filled))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(.read, path, code: errno)
      }
      if count == 0 { break }
      filled += count
    }
    guard bytes.prefix(tail.count).elementsEqual(tail) else { return nil }
    var reading = Reading(end: start, tail: tail)
    var line = tail.count
    while let newline = bytes[line..<filled].firstIndex(of: UInt8(ascii: "\n")) {
      if newline > line {
        if let json = try? JSON(parsing: Array(bytes[line..<newline])),
          let entry = JournalEntry(json)
        {
          reading.entries.append(entry)
        } else {
          reading.passedOver += 1
        }
      }
      line = newline + 1
    }
    reading.end = from + line
    reading.tail = Array(bytes[..<line].suffix(Self.tailLength))
    return reading
  }
}
