import ObjectStore
import Synchronization

/// Remembers the first damaged or missing object that a run met.
///
/// A library may turn the store's error into one of its own, or a stage may go on without what it
/// could not read: the run must not count as done, and the object must be made again.
final class DamageNotes: Sendable {
  private let first = Mutex<StoreError?>(nil)

  var noted: StoreError? { first.withLock { $0 } }

  /// Passes a result or an error on, and remembers the error if it tells of damage.
  func noting<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
    do {
      return try body()
    } catch {
      if error.objectToRebuild != nil { first.withLock { $0 = $0 ?? error } }
      throw error
    }
  }
}
