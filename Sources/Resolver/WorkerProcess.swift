import Bytes
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns the process of a worker. It belongs to one thread, which starts it and stays with it.
final class WorkerProcess {
  private let stage: String
  private var child: Child
  private let input: Pipe
  private let output: Pipe
  private let errors: Pipe
  private let progress: Pipe
  private var answers = LineCutter()
  private var reports = LineCutter()
  private var number = 0

  init(_ stage: String, _ launch: Launch) throws(FileError) {
    self.stage = stage
    input = try Pipe(launch.path, isInput: true)
    output = try Pipe(launch.path)
    errors = try Pipe(launch.path)
    progress = try Pipe(launch.path)
    child = try Child(
      launch,
      descriptors: [input.reading, output.writing, errors.writing, progress.writing])
    input.closeReading()
    for pipe in [output, errors, progress] { pipe.closeWriting() }
  }

  /// Lets writing to a process that has died fail, on this thread, instead of ending plm.
  static func ignoreLostReaders() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Has one action done; all that the stage says until it answers belongs to that action.
  func answer(_ request: Worker.Request, _ stop: StopFlag) throws(FileError) -> Worker.Reply {
    let log = try LogWriter(request.log)
    // What was said after the last answer belongs to nobody.
    for pipe in [output, errors, progress] { _ = pipe.drain { _ in } }
    (answers, reports) = (LineCutter(), LineCutter())
    number += 1
    let id = JSON.int(number)
    let line: JSON = [
      "id": id, "in": .object(request.inputs.mapValues { .string($0.description) }),
      "set": .object(request.settings),
    ]
    guard input.send(line.bytes + [UInt8(ascii: "\n")]) else { return ended(stop) }

    var answer: [String: JSON]?
    func drain(_ pipe: Pipe) -> Bool {
      if pipe === errors { return pipe.drain { log.write($0) } }
      if pipe === progress {
        return pipe.drain { piece in
          reports.cut(piece) { line in
            guard var facts = (try? JSON(parsing: line))?.objectValue, facts["id"] == id else {
              return
            }
            facts["id"] = nil
            request.progress(.object(facts))
          }
        }
      }
      return pipe.drain { piece in
        answers.cut(piece) { line in
          if let facts = (try? JSON(parsing: line))?.objectValue, facts["id"] == id {
            answer = facts
          } else {
            log.write(line: line)
          }
        }
      }
    }
    var open = [output, errors, progress]
    while answer == nil, !open.isEmpty {
      let ready = Pipe.wait(for: open)
      for pipe in ready where !drain(pipe) { open.removeAll { $0 === pipe } }
      if stop.isSet { child.askToEnd() }
      if ready.isEmpty, answer == nil, child.hasEnded() { break }
    }
    // What the stage said before it answered, or before it ended, is in the pipes by now.
    for pipe in open { _ = drain(pipe) }
    guard let answer else { return ended(stop) }
    // The log ends as that of a single run does.
    if let words = answer["error"]?.stringValue { log.write(line: "\(stage): \(words)") }
    let facts = answer.filter { ["outputs", "damaged"].contains($0.key) }
    if !facts.isEmpty { log.write(line: JSON.object(facts).text) }
    return .answer(answer)
  }

  private func ended(_ stop: StopFlag) -> Worker.Reply {
    input.closeWriting()
    let end = child.wait { stop.isSet }
    return .ended(Launch.End(exit: end.exit, signal: end.signal))
  }

  /// Tells the process that nothing more comes, and waits for its end; five seconds, then it has to.
  func end() {
    input.closeWriting()
    let start = ContinuousClock.now
    _ = child.wait { start.duration(to: .now) > .seconds(5) }
  }
}
