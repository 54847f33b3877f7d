import Bytes
import Synchronization

/// Stores what the actions of one worker leave to those that follow: the latest thing of each kind.
final class Keepsakes: Sendable {
  private struct Keepsake {
    let key: Digest
    let value: any Sendable
  }

  private let kept = Mutex<[String: Keepsake]>([:])

  /// Returns the thing of a kind if it was made for that key, and lets go of it if it was not: the
  /// next one is then made without the old one lying beside it.
  func take<Value: Sendable>(_ kind: String, for key: Digest, as: Value.Type) -> Value? {
    kept.withLock { kept in
      if let found = kept[kind], found.key == key, let value = found.value as? Value {
        return value
      }
      kept[kind] = nil
      return nil
    }
  }

  func put(_ value: some Sendable, _ kind: String, for key: Digest) {
    kept.withLock { $0[kind] = Keepsake(key: key, value: value) }
  }
}
