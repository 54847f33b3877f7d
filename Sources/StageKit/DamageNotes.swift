import Dispatch
import ObjectStore
import Synchronization

/// Remembers the first damaged or missing object that a run met.
///
/// A library may turn the store's error into one of its own, or a stage may go on without what it
/// could not read: the run must not count as done, and the object must be made again.
final class DamageNotes: Sendable {
  private let first = Mutex<StoreError?>(nil)
  private let beside = DispatchGroup()

  /// What was noted, once all that is looked at beside the run has been.
  var noted: StoreError? {
    beside.wait()
    return first.withLock { $0 }
  }

  /// Passes a result or an error on, and remembers the error if it tells of damage.
  func noting<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
    do {
      return try body()
    } catch {
      if error.objectToRebuild != nil { first.withLock { $0 = $0 ?? error } }
      throw error
    }
  }

  /// Looks at objects on a thread of its own while the run goes on; whatever that throws is noted.
  func lookBeside(_ body: @escaping @Sendable () throws(StoreError) -> Void) {
    DispatchQueue.global().async(group: beside) {
      do throws(StoreError) {
        try body()
      } catch {
        self.first.withLock { $0 = $0 ?? error }
      }
    }
  }
}
