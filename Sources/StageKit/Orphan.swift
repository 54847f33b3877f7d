#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Ends this process when whoever started it is gone.
enum Orphan {
  /// Watches the reader of progress; if it dies, nobody waits for the outputs any more, and the
  /// next build must not find an old run at work on the same checkpoints.
  static func endWithReader() {
    #if os(Linux)
      var thread = pthread_t()
    #else
      var thread: pthread_t?
    #endif
    // A thread of its own: one of the pool's would be taken from the stage's work.
    pthread_create(
      &thread, nil,
      { _ in
        var watched = pollfd(fd: 3, events: 0, revents: 0)
        while true {
          if poll(&watched, 1, -1) > 0, Int32(watched.revents) & (POLLERR | POLLHUP) != 0 {
            _exit(130)
          }
        }
      }, nil)
  }
}
