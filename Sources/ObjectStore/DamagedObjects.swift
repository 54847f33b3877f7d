public import Bytes
import Synchronization

/// Stores an object that was found damaged, and in which way.
public struct DamagedObject: Sendable, Equatable {
  public let digest: Digest
  public let damage: Damage

  public init(digest: Digest, damage: Damage) {
    self.digest = digest
    self.damage = damage
  }
}

/// Remembers which objects this process has found damaged until somebody asks.
///
/// A writer that puts the same content once more heals the object and sees no error: without this,
/// nobody would hear that a disk loses what it was given.
final class DamagedObjects: Sendable {
  private let found = Mutex<[DamagedObject]>([])

  func insert(_ object: DamagedObject) {
    found.withLock { if !$0.contains(object) { $0.append(object) } }
  }

  func contains(_ digest: Digest) -> Bool {
    found.withLock { $0.contains { $0.digest == digest } }
  }

  func take(where isWanted: (Digest) -> Bool) -> [DamagedObject] {
    found.withLock { found in
      var taken: [DamagedObject] = []
      found.removeAll { object in
        guard isWanted(object.digest) else { return false }
        taken.append(object)
        return true
      }
      return taken
    }
  }
}

extension ObjectStore {
  /// Whether this process has found an object damaged since `takeDamaged` was last asked.
  public func foundDamaged(_ digest: Digest) -> Bool { damaged.contains(digest) }

  /// Returns what this process has found damaged since last asked, healed by now or not.
  public func takeDamaged() -> [DamagedObject] { damaged.take { _ in true } }

  /// Returns those of a kind that this process has found damaged since last asked.
  public func takeDamaged(where isWanted: (Digest) -> Bool) -> [DamagedObject] {
    damaged.take(where: isWanted)
  }
}
