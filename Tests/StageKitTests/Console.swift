import Bytes
import Synchronization
import TestKit

@testable import StageKit

/// Runs a stage within the test, and keeps what it answers and logs.
final class Console: Sendable {
  let home: TemporaryStore
  private let answers = Mutex<[String]>([])

  init() throws { home = try TemporaryStore() }

  /// What a call gave.
  struct Result {
    let exitCode: Int32
    let answers: [String]
    let log: String
    let progress: [String]

    /// The members of the last answer.
    func last() throws -> JSON { try JSON(parsing: answers.last ?? "") }
  }

  /// Calls the stage with `--store` and more arguments.
  func run(
    _ stage: any Stage.Type = Count.self, _ arguments: [String], lines: [String] = [],
    store: Bool = true, progress: Bool = true
  ) async throws -> Result {
    let folder = try TemporaryFolder()
    try Files.write("", to: folder("log"))
    try Files.write("", to: folder("progress"))
    let log = Stream(folder("log"))
    let progressStream = Stream(folder("progress"))
    answers.withLock { $0 = [] }
    let remaining = Remaining(lines)
    let program = StageProgram(
      stage: stage,
      answer: { line in self.answers.withLock { $0.append(line) } },
      reporter: Reporter(
        progressDescriptor: progress ? progressStream.descriptor : nil,
        logDescriptor: log.descriptor),
      nextLine: { remaining.next() })
    let code = await program.run((store ? ["--store", home.path] : []) + arguments)
    return Result(
      exitCode: code, answers: answers.withLock { $0 }, log: try Files.text(folder("log")),
      progress: try Files.text(folder("progress")).split(separator: "\n").map(String.init))
  }
}
