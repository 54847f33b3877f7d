import Bytes
import CProcess
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores what is needed to start one program.
struct Launch: Sendable {
  var path: String
  var arguments: [String]
  var environment: [String: String]
  var folder: String?
  /// Where both its outputs are written; nil to drop what it says.
  var log: String?

  /// How a program ended.
  struct End: Sendable {
    /// The exit code, or 128 and the signal's number.
    var exit: Int32
    var signal: Int32
    /// The end of what it wrote to standard output.
    var output: [UInt8]

    /// The last line of its output that is not empty.
    var lastLine: String? {
      output.split(separator: UInt8(ascii: "\n"))
        .last { line in line.contains { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\r") } }
        .map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// Runs the program on a thread of its own, until it ends or the task is cancelled.
  /// - Parameter progress: is given every line the program writes to descriptor 3.
  func run(
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws(FileError) -> End {
    let stop = StopFlag()
    let result: Result<End, FileError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        // The program dies with the thread that started it, so that one waits for it.
        let thread = Thread {
          continuation.resume(
            returning: Result { () throws(FileError) in
              try wait(stop: stop, progress: progress)
            })
        }
        thread.stackSize = 1 << 19
        thread.start()
      }
    } onCancel: {
      stop.set()
    }
    return try result.get()
  }

  /// Runs the program on this thread.
  private func wait(
    stop: StopFlag, progress: (String) -> Void
  ) throws(FileError) -> End {
    let logFile = try openLog()
    defer { if logFile >= 0 { close(logFile) } }
    let output = try Pipe(path)
    let progressPipe = try Pipe(path)
    let process = try start([-1, output.writing, logFile, progressPipe.writing])
    output.closeWriting()
    progressPipe.closeWriting()
    var watch = Watch(
      process: process, output: output, progress: progressPipe, log: logFile, stop: stop)
    return watch.run(progress)
  }

  private func openLog() throws(FileError) -> Int32 {
    guard let log else { return -1 }
    if let slash = log.lastIndex(of: "/") { mkdir(String(log[..<slash]), 0o700) }
    let file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw FileError(.create, log, code: errno) }
    return file
  }

  private func start(_ descriptors: [Int32]) throws(FileError) -> pid_t {
    var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + self.arguments).map { strdup($0) }
    var environment: [UnsafeMutablePointer<CChar>?] =
      self.environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") }
    arguments.append(nil)
    environment.append(nil)
    defer { for word in arguments + environment { free(word) } }
    let process = plm_process_start(path, arguments, environment, folder, descriptors)
    guard process >= 0 else { throw FileError(.open, path, code: errno) }
    return process
  }
}

/// Tells a waiting thread that its program is no longer wanted.
final class StopFlag: Sendable {
  private let flag = Atomic(false)

  func set() { flag.store(true, ordering: .relaxed) }
  var isSet: Bool { flag.load(ordering: .relaxed) }
}

/// Owns the two ends of a pipe.
private final class Pipe {
  let reading: Int32
  private(set) var writing: Int32

  init(_ path: String) throws(FileError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw FileError(.create, path, code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
    _ = fcntl(reading, F_SETFL, O_NONBLOCK)
  }

  func closeWriting() {
    if writing >= 0 { close(writing) }
    writing = -1
  }

  deinit {
    closeWriting()
    close(reading)
  }
}

/// Follows a running program until it has ended and said all.
private struct Watch {
  let process: pid_t
  let output: Pipe
  let progress: Pipe
  let log: Int32
  let stop: StopFlag
  /// Only the end of the output is of interest; the log has it all.
  private var tail: [UInt8] = []
  private var line: [UInt8] = []
  private var status: Int32?
  private var asked: Date?
  private var killed = false

  init(process: pid_t, output: Pipe, progress: Pipe, log: Int32, stop: StopFlag) {
    self.process = process
    self.output = output
    self.progress = progress
    self.log = log
    self.stop = stop
  }

  private static let tailLimit = 1 << 20

  mutating func run(_ report: (String) -> Void) -> Launch.End {
    var open = [output.reading, progress.reading]
    while !open.isEmpty {
      var polls = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let count = poll(&polls, nfds_t(polls.count), 100)
      for entry in polls where count > 0 && entry.revents != 0 {
        if !drain(entry.fd, report) { open.removeAll { $0 == entry.fd } }
      }
      if stop.isSet { ask() }
      // What a grandchild still holds open is not waited for.
      if count == 0, reap(blocking: false) {
        for descriptor in open { _ = drain(descriptor, report) }
        break
      }
    }
    while !reap(blocking: false) {
      if stop.isSet { ask() }
      usleep(2000)
    }
    // Nothing of its group goes on without it.
    kill(-process, SIGKILL)
    var signal: Int32 = 0
    let exit = plm_process_exit(status ?? 0, &signal)
    return Launch.End(exit: exit, signal: signal, output: tail)
  }

  /// Asks the program to end, and makes it after five seconds.
  private mutating func ask() {
    if let asked {
      if !killed, Date().timeIntervalSince(asked) > 5 {
        kill(-process, SIGKILL)
        killed = true
      }
    } else {
      asked = Date()
      kill(-process, SIGTERM)
    }
  }

  private mutating func reap(blocking: Bool) -> Bool {
    if status != nil { return true }
    var code: Int32 = 0
    guard waitpid(process, &code, blocking ? 0 : WNOHANG) == process else { return false }
    status = code
    return true
  }

  /// Reads what there is; false at the end.
  private mutating func drain(_ descriptor: Int32, _ report: (String) -> Void) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count == 0 { return false }
      if count < 0 { return errno == EAGAIN || errno == EINTR }
      if descriptor == output.reading {
        if log >= 0 { _ = write(log, buffer, count) }
        tail += buffer[..<count]
        if tail.count > 2 * Self.tailLimit { tail.removeFirst(tail.count - Self.tailLimit) }
      } else {
        line += buffer[..<count]
        while let end = line.firstIndex(of: UInt8(ascii: "\n")) {
          report(String(decoding: line[..<end], as: UTF8.self))
          line.removeSubrange(...end)
        }
        if line.count > Self.tailLimit { line.removeAll() }
      }
    }
  }
}
