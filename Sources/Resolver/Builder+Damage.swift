import ActionCache
public import Bytes
import Graph
import ObjectStore
import Synchronization

extension Builder {
  /// The objects that were found damaged so far, each once.
  public var damaged: [Digest] { ledger.withLock { $0.damaged } }

  /// Tells of objects that this process has found damaged since last time and knows the owners of.
  ///
  /// Another task may be between finding an object damaged and saying what it belongs to: it is
  /// told of after that.
  func reportDamage() {
    report(cache.store.takeDamaged { audit.owner(of: $0) != nil })
  }

  /// Tells of all objects that were found damaged and not told of yet; for when nothing runs.
  func reportRemainingDamage() {
    report(cache.store.takeDamaged())
  }

  private func report(_ objects: [DamagedObject]) {
    for object in objects { report(object.digest, why: "\(object.damage)") }
  }

  /// Tells of an object that was found damaged, once in a build, and writes it down: it may be
  /// whole again by now, but a disk that loses things is worth knowing of.
  func report(_ object: Digest, why: String) {
    let isNew = ledger.withLock { ledger in
      guard !ledger.damaged.contains(object) else { return false }
      ledger.damaged.append(object)
      return true
    }
    guard isNew else { return }
    let owner = audit.owner(of: object).map { " (\($0))" } ?? ""
    let next = runner.isReal ? "it is put away and made again" : "the next build makes it again"
    observe(.warning("object \(object)\(owner) was damaged: \(why); \(next)"))
    // A store that cannot be written to can still be looked at.
    try? cache.record([.damaged(DamageRecord(object: object, why: why, time: .now))])
  }
}
