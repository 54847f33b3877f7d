import Bytes
import Synchronization

/// Remembers which mapped objects this process has hashed, and the stamps they had then.
final class VerifiedObjects: Sendable {
  private let stamps = Mutex<[Digest: FileStamp]>([:])

  func contains(_ digest: Digest, _ stamp: FileStamp) -> Bool {
    stamps.withLock { $0[digest] == stamp }
  }

  func insert(_ digest: Digest, _ stamp: FileStamp) {
    stamps.withLock { $0[digest] = stamp }
  }
}
