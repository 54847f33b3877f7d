import Bytes
import Dispatch
import Foundation
import Synchronization

/// Owns a stage that is started once and does one action after the other.
///
/// It starts its process with the first action, and a new one after a crash. Only a fresh process can
/// fail an action by its end: one that has done others may have been killed while it rested, or
/// for what those had left behind, so there the action gets a fresh one.
final class Worker: Sendable {
  /// One action, as a worker is asked to do it.
  struct Request: Sendable {
    var inputs: [String: Digest]
    var settings: [String: JSON]
    /// Where what the stage says goes.
    var log: String
    /// Is given what the stage reports.
    var progress: @Sendable (JSON) -> Void
  }

  /// What came of a request.
  enum Reply: Sendable {
    /// The members of the stage's answer.
    case answer([String: JSON])
    /// The process ended before it answered.
    case ended(Launch.End)
    /// There is no process or no log.
    case failed(FileError)
  }

  private enum Order {
    case ask(Request, StopFlag, CheckedContinuation<Reply, Never>)
    case end(CheckedContinuation<Void, Never>)
  }

  let stage: String
  /// How much memory the stage says it takes, in bytes.
  let memory: Int
  private let orders = Mutex<[Order]>([])
  private let ordered = DispatchSemaphore(value: 0)

  /// - Parameter launch: with the arguments that make the stage a worker.
  init(stage: String, memory: Int, launch: Launch) {
    self.stage = stage
    self.memory = memory
    // A process dies with the thread that started it, so that one stays with it.
    let thread = Thread { self.serve(launch) }
    thread.stackSize = 1 << 19
    thread.start()
  }

  /// Has one action done. A cancelled task ends the process.
  func ask(_ request: Request) async -> Reply {
    let stop = StopFlag()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { give(.ask(request, stop, $0)) }
    } onCancel: {
      stop.set()
    }
  }

  /// Ends the process, and waits until it has ended. The worker is of no further use.
  func end() async { await withCheckedContinuation { give(.end($0)) } }

  private func give(_ order: Order) {
    orders.withLock { $0.append(order) }
    ordered.signal()
  }

  private func serve(_ launch: Launch) {
    WorkerProcess.ignoreLostReaders()
    var process: WorkerProcess?
    while true {
      ordered.wait()
      switch orders.withLock({ $0.removeFirst() }) {
      case .ask(let request, let stop, let continuation):
        continuation.resume(returning: answer(request, stop, launch, &process))
      case .end(let continuation):
        process?.end()
        continuation.resume()
        return
      }
    }
  }

  private func answer(
    _ request: Request, _ stop: StopFlag, _ launch: Launch, _ process: inout WorkerProcess?
  ) -> Reply {
    do throws(FileError) {
      if let used = process {
        let reply = try used.answer(request, stop)
        guard case .ended = reply else { return reply }
        process = nil
        if stop.isSet { return reply }
      }
      let fresh = try WorkerProcess(stage, launch)
      process = fresh
      let reply = try fresh.answer(request, stop)
      if case .ended = reply { process = nil }
      return reply
    } catch {
      return .failed(error)
    }
  }
}
