import Dispatch
import Foundation
import Synchronization

/// Turns an interrupt from the keyboard, or a request to end, into a cancelled task: running stages
/// are stopped, and what is finished stays finished. A second one ends plm at once.
enum Interruption {
  private static let count = Atomic(0)

  static var happened: Bool { count.load(ordering: .relaxed) > 0 }

  static func heeded<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws
    -> T
  {
    let task = Task { try await body() }
    let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if count.add(1, ordering: .relaxed).newValue > 1 { exit(Ending.interrupted) }
        Terminal.complain("\nplm: interrupted; stopping what runs (again to end at once)")
        task.cancel()
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return try await task.value
  }
}
