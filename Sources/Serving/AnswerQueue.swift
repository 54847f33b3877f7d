import Dispatch
import PersonalLM
import Synchronization

/// Passes what engines tell to the thread that answers a request.
final class AnswerQueue: Sendable {
  enum Item: Sendable {
    case piece(Int, Piece)
    case failure(any Error)
  }

  private let items = Mutex<[Item]>([])
  private let arrived = DispatchSemaphore(value: 0)

  func put(_ item: Item) {
    items.withLock { $0.append(item) }
    arrived.signal()
  }

  /// The next item; nil when none came within the time.
  func next(seconds: Double) -> Item? {
    guard arrived.wait(timeout: .now() + seconds) == .success else { return nil }
    return items.withLock { $0.isEmpty ? nil : $0.removeFirst() }
  }
}
