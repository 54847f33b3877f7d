#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads what an action printed.
public struct LogFile: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// The last line that says something, cut to a length for a report.
  public var lastWords: String {
    let lines = end.split(whereSeparator: \.isNewline).map { line in
      line.trimmingSpaces
    }
    guard let line = lines.last(where: { !$0.isEmpty && !$0.hasPrefix("{") }) else { return "" }
    return line.count > 400 ? String(line.prefix(400)) + "…" : line
  }

  private var end: String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    let size = lseek(file, 0, SEEK_END)
    let start = max(0, size - 4096)
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = pread(file, &buffer, buffer.count, start)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
  }
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    var text = self
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
