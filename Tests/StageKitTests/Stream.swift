import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns a file that is appended to.
final class Stream: Sendable {
  let descriptor: Int32
  init(_ path: String) { descriptor = open(path, O_WRONLY | O_APPEND) }
  deinit { close(descriptor) }
}

/// Gives out lines one by one.
final class Remaining: Sendable {
  private let lines: Mutex<[String]>
  init(_ lines: [String]) { self.lines = Mutex(lines.reversed()) }
  func next() -> String? { lines.withLock { $0.popLast() } }
}
