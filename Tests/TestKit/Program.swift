import Bytes
import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores how a program ended and what it wrote.
public struct ProgramResult: Sendable {
  /// The exit code; 128 and the signal's number if one ended it, as in a shell.
  public let exitCode: Int32
  public let output: String
  public let errors: String
  /// What it wrote to file descriptor 3.
  public let progress: String

  /// The last line of standard output.
  public var lastLine: String { output.split(separator: "\n").last.map(String.init) ?? "" }
}

/// Owns a program that was started: waits for it, or kills it.
public final class RunningProgram {
  public let process: Int32
  private let folder: TemporaryFolder
  private var status: Int32?

  /// Starts a program with its standard streams and file descriptor 3 led to and from files.
  /// - Parameters:
  ///   - environment: what to add to the present environment; an empty text removes a variable.
  ///   - withProgress: whether file descriptor 3 is open.
  public init(
    _ path: String, _ arguments: [String] = [], input: String = "",
    environment: [String: String] = [:], in workingFolder: String? = nil, withProgress: Bool = true
  ) throws {
    folder = try TemporaryFolder()
    try Files.write(input, to: folder("in"))
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, folder("in"), O_RDONLY, 0)
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 1, folder("out"), flags, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, folder("err"), flags, 0o600)
    if withProgress {
      posix_spawn_file_actions_addopen(&actions, 3, folder("progress"), flags, 0o600)
    } else {
      // Closing what may not be open is an error on some systems: opened first, then closed.
      posix_spawn_file_actions_addopen(&actions, 3, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_addclose(&actions, 3)
    }
    if let workingFolder { posix_spawn_file_actions_addchdir_np(&actions, workingFolder) }

    var list = ([path] + arguments).map { strdup($0) } + [nil]
    var variables = Self.variables(adding: environment).map { strdup($0) } + [nil]
    defer { for item in list + variables { free(item) } }
    var process = pid_t()
    let code = posix_spawn(&process, path, &actions, nil, &list, &variables)
    guard code == 0 else { throw FileError(.open, path, code: code) }
    self.process = process
  }

  deinit {
    if status == nil {
      kill(SIGKILL)
      _ = wait()
    }
  }

  /// What it has written so far.
  public var output: String { (try? Files.text(folder("out"))) ?? "" }

  /// Sends a signal.
  public func kill(_ signal: Int32) {
    guard status == nil else { return }
    #if canImport(Glibc)
      _ = Glibc.kill(process, signal)
    #elseif canImport(Musl)
      _ = Musl.kill(process, signal)
    #else
      _ = Darwin.kill(process, signal)
    #endif
  }

  /// Whether it has ended.
  public var hasEnded: Bool {
    if status != nil { return true }
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return false }
    self.status = status
    return true
  }

  /// Waits for its end; kills it when the time is over (exit code 137).
  public func wait(seconds: Double = 300) -> ProgramResult {
    let end = ContinuousClock.now + .seconds(seconds)
    while !hasEnded {
      if ContinuousClock.now > end { kill(SIGKILL) }
      usleep(2000)
    }
    let status = self.status ?? 0
    let signal = status & 0x7f
    func text(_ name: String) -> String { (try? Files.text(folder(name))) ?? "" }
    return ProgramResult(
      exitCode: signal == 0 ? status >> 8 & 0xff : 128 + signal, output: text("out"),
      errors: text("err"), progress: text("progress"))
  }

  private static func variables(adding added: [String: String]) -> [String] {
    var variables: [String] = []
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if added[String(text.prefix { $0 != "=" })] == nil { variables.append(text) }
      next += 1
    }
    return variables + added.filter { !$0.value.isEmpty }.map { "\($0.key)=\($0.value)" }.sorted()
  }
}

/// Runs programs to their end.
public enum Program {
  /// Runs a program, and returns what it wrote and its exit code.
  public static func run(
    _ path: String, _ arguments: [String] = [], input: String = "",
    environment: [String: String] = [:], in workingFolder: String? = nil,
    withProgress: Bool = true, seconds: Double = 300
  ) throws -> ProgramResult {
    try RunningProgram(
      path, arguments, input: input, environment: environment, in: workingFolder,
      withProgress: withProgress
    ).wait(seconds: seconds)
  }
}
