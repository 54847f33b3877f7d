import Bytes
import CProcess
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns a running program, from its start until it is waited for.
///
/// The program dies with the thread that started it, so that thread has to wait for it.
struct Child: ~Copyable {
  private let process: pid_t
  /// The process that kills this one's whole group when plm ends; -1 without one.
  private let guardian: pid_t
  private var status: Int32?
  private var asked: ContinuousClock.Instant?
  private var killed = false

  /// Starts a program.
  /// - Parameter descriptors: what becomes its 0, 1, 2 and 3; -1 for nothing.
  init(_ launch: Launch, descriptors: [Int32]) throws(FileError) {
    var arguments: [UnsafeMutablePointer<CChar>?] =
      ([launch.path] + launch.arguments).map { strdup($0) }
    var environment: [UnsafeMutablePointer<CChar>?] =
      launch.environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") }
    arguments.append(nil)
    environment.append(nil)
    defer { for word in arguments + environment { free(word) } }
    let process = plm_process_start(
      launch.path, arguments, environment, launch.folder, descriptors)
    guard process >= 0 else { throw FileError(.open, launch.path, code: errno) }
    self.process = process
    guardian = launch.isGuarded ? plm_process_guard(process) : -1
  }

  /// Asks the program to end, and makes it where it has not five seconds after the first time.
  mutating func askToEnd() {
    if let asked {
      if !killed, asked.duration(to: .now) > .seconds(5) {
        kill(-process, SIGKILL)
        killed = true
      }
    } else {
      asked = .now
      kill(-process, SIGTERM)
    }
  }

  /// Whether the program has ended.
  mutating func hasEnded() -> Bool {
    if status != nil { return true }
    var code: Int32 = 0
    guard waitpid(process, &code, WNOHANG) == process else { return false }
    status = code
    return true
  }

  /// Waits for the program's end; nothing of its group goes on without it.
  /// - Parameter isUnwanted: asked again and again whether the program is to end at once.
  mutating func wait(isUnwanted: () -> Bool) -> (exit: Int32, signal: Int32) {
    while !hasEnded() {
      if isUnwanted() { askToEnd() }
      usleep(2000)
    }
    kill(-process, SIGKILL)
    if guardian > 0 {
      // Killed by its own number too: it may not have come to be of the group yet.
      kill(guardian, SIGKILL)
      while waitpid(guardian, nil, 0) < 0, errno == EINTR {}
    }
    var signal: Int32 = 0
    let exit = plm_process_exit(status ?? 0, &signal)
    return (exit, signal)
  }
}

/// Tells a waiting thread that its program is no longer wanted.
final class StopFlag: Sendable {
  private let flag = Atomic(false)

  func set() { flag.store(true, ordering: .relaxed) }
  var isSet: Bool { flag.load(ordering: .relaxed) }
}
