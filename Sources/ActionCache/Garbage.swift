public import Bytes
import ObjectStore

/// Stores what in a store nothing refers to any more, found without removing any of it.
public struct Garbage: Sendable {
  /// Objects that no node of any user stands for, nor was made from.
  public private(set) var objects: [Digest] = []
  /// Actions whose checkpoints nobody will go on from: they are done, or their node went on to
  /// another action, or nothing is known of them and they have rested for a week.
  public private(set) var work: [Digest] = []
  /// Actions whose logs are of no node's last action.
  public private(set) var logs: [Digest] = []
  /// How much all of it takes on the disk.
  public private(set) var bytes = 0
  /// How many objects are still of use.
  public let kept: Int
  private let store: ObjectStore
  private let found = Timestamp.now

  /// How long checkpoints stay that no build has begun, in seconds: those of stages run by hand.
  private static let rest = 7.0 * 24 * 3600

  /// Looks through a store. What another process has in its hands is left alone.
  public init(of cache: ActionCache) throws {
    store = cache.store
    try cache.refresh()
    let reachable = try Self.reachable(cache)
    kept = reachable.count
    for object in try store.digests(matching: "") where !reachable.contains(object) {
      objects.append(object)
      bytes += store.storedSize(of: object) ?? 0
    }
    let (unfinished, known) = (try cache.unfinished(), try cache.known())
    for key in try store.actionsWithWork() {
      guard let folder = store.idleWorkFolder(for: key) else { continue }
      let extent = try folder.extent()
      let age = Double(found.milliseconds) / 1e3 - Double(extent.modified) / 1e9
      let isWanted = known.contains(key) ? unfinished.contains(key) : age < Self.rest
      guard try !isWanted || cache.action(key) != nil else { continue }
      work.append(key)
      bytes += extent.bytes
    }
    let told = try cache.standing().union(unfinished)
    for key in try store.actionsWithLog() where !told.contains(key) {
      logs.append(key)
      bytes += FileStamp(path: store.logFile(for: key))?.size ?? 0
    }
  }

  /// Removes it. No build may be going on.
  public func remove() throws {
    for object in objects {
      // A stage that is run by hand may have come to need it since.
      guard let stamp = store.stamp(of: object), stamp.modified / 1_000_000 < found.milliseconds
      else { continue }
      try store.remove(object)
    }
    for key in work { try store.idleWorkFolder(for: key)?.remove() }
    for key in logs { try store.removeLog(of: key) }
    try store.removeStaleTemporaries()
  }

  /// What the nodes stand for, what that was made from, and what was made along with a source of it:
  /// the continuations beside the metrics that an older bundle, still in use, was judged by.
  private static func reachable(_ cache: ActionCache) throws -> Set<Digest> {
    var kept: Set<Digest> = []
    let inUse = try cache.inUse()
    for record in try cache.current() {
      let beside =
        try inUse.contains(record.key)
        ? record.inputs.values.flatMap { try cache.producers(of: $0).prefix(1) } : []
      let all = [record.outputs, record.inputs] + beside.map(\.outputs)
      for digest in all.flatMap(\.values) {
        guard kept.insert(digest).inserted, cache.store.kind(of: digest) == .tree else { continue }
        for entry in try cache.store.tree(digest).entries { kept.insert(entry.digest) }
      }
    }
    return kept
  }
}
