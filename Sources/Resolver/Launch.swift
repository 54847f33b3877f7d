import Bytes
import Foundation

/// Stores what is needed to start one program.
struct Launch: Sendable {
  var path: String
  var arguments: [String]
  var environment: [String: String]
  var folder: String?
  /// Where both its outputs are written; nil to drop what it says.
  var log: String?
  /// Whether all that the program starts is to end with plm too, however that ends: stages see to
  /// that by themselves.
  var isGuarded = false
  /// Whether its standard output is an answer to be read; else it goes straight to the log, as what
  /// it says on standard error does, so that the log has both in order.
  var answers = true

  /// How a program ended.
  struct End: Sendable {
    /// The exit code, or 128 and the signal's number.
    var exit: Int32
    var signal: Int32
    /// The end of what it wrote to standard output.
    var output: [UInt8] = []

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

  private static let tailLimit = 1 << 20

  /// Runs the program on this thread.
  private func wait(
    stop: StopFlag, progress report: (String) -> Void
  ) throws(FileError) -> End {
    let log = try log.map { path throws(FileError) in try LogWriter(path) }
    let errors = log?.descriptor ?? -1
    let output = answers ? try Pipe(path) : nil
    let progress = try Pipe(path)
    var child = try Child(
      self, descriptors: [-1, output?.writing ?? errors, errors, progress.writing])
    output?.closeWriting()
    progress.closeWriting()

    // Only the end of the output is of interest; the log has it all.
    var tail: [UInt8] = []
    var lines = LineCutter()
    func drain(_ pipe: Pipe) -> Bool {
      guard pipe === output else { return pipe.drain { lines.cut($0, report) } }
      return pipe.drain { piece in
        log?.write(piece)
        tail += piece
        if tail.count > 2 * Self.tailLimit { tail.removeFirst(tail.count - Self.tailLimit) }
      }
    }
    var open = [output, progress].compactMap(\.self)
    while !open.isEmpty {
      let ready = Pipe.wait(for: open)
      for pipe in ready where !drain(pipe) { open.removeAll { $0 === pipe } }
      if stop.isSet { child.askToEnd() }
      // What a grandchild still holds open is not waited for.
      if ready.isEmpty, child.hasEnded() {
        for pipe in open { _ = drain(pipe) }
        break
      }
    }
    let end = child.wait { stop.isSet }
    return End(exit: end.exit, signal: end.signal, output: tail)
  }
}
