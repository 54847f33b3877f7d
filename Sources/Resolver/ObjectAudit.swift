public import ActionCache
public import Bytes
import ObjectStore
import Synchronization

/// Tells whether objects are whole, hashing only those whose files were touched since last time.
///
/// Every reader of an object hashes it anyway. This finds earlier what was deleted, cut off or
/// written over, so that it is made again before anything needs it.
public final class ObjectAudit: Sendable {
  private let cache: ActionCache
  private let whole = Mutex<Set<Digest>>([])
  /// What damaged objects are, in words.
  private let owners = Mutex<[Digest: String]>([:])

  public init(_ cache: ActionCache) { self.cache = cache }

  /// Takes an object for whole that was written, and so hashed, just now.
  public func trust(_ digest: Digest) {
    _ = whole.withLock { $0.insert(digest) }
    guard let stamp = cache.store.stamp(of: digest) else { return }
    cache.remember([ActionCache.Known(path: Self.path(digest), stamp: stamp, digest: digest)])
  }

  /// Takes an object for whole that was written just now; if writing it anew healed it, remembers
  /// what it belongs to.
  public func trust(_ digest: Digest, of owner: @autoclosure () -> String) {
    if cache.store.foundDamaged(digest) {
      let owner = owner()
      owners.withLock { $0[digest] = owner }
    }
    trust(digest)
  }

  /// Trusts an object and, of a tree, its files.
  public func trustAll(_ digest: Digest) throws {
    trust(digest)
    if cache.store.kind(of: digest) == .tree {
      for entry in try cache.store.tree(digest).entries { trust(entry.digest) }
    }
  }

  /// Returns the damaged or missing objects of a file or tree; the damaged are in quarantine then.
  /// - Parameters:
  ///   - owner: what the file or tree is, in words.
  ///   - thorough: whether to hash even what looks untouched.
  public func damage(
    in digest: Digest, of owner: String, thorough: Bool = false
  ) throws -> [Digest] {
    let damaged = try damage(in: digest, thorough)
    if !damaged.isEmpty {
      owners.withLock { owners in for object in damaged { owners[object] = owner } }
    }
    return damaged
  }

  /// What an object belongs to that was found damaged or missing, in words; nil if unknown.
  public func owner(of object: Digest) -> String? { owners.withLock { $0[object] } }

  private func damage(in digest: Digest, _ thorough: Bool) throws -> [Digest] {
    if !thorough, whole.withLock({ $0.contains(digest) }) { return [] }
    guard try isWhole(digest, thorough) else { return [digest] }
    guard cache.store.kind(of: digest) == .tree else { return [] }
    var damaged: [Digest] = []
    for entry in try cache.store.tree(digest).entries {
      if try !isWhole(entry.digest, thorough) { damaged.append(entry.digest) }
    }
    if damaged.isEmpty { _ = whole.withLock { $0.insert(digest) } }
    return damaged
  }

  private func isWhole(_ digest: Digest, _ thorough: Bool) throws -> Bool {
    if !thorough, whole.withLock({ $0.contains(digest) }) { return true }
    guard let stamp = cache.store.stamp(of: digest) else { return false }
    if !thorough, try cache.digest(of: Self.path(digest), stamp: stamp) == digest {
      if cache.store.kind(of: digest) == .file { _ = whole.withLock { $0.insert(digest) } }
      return true
    }
    do throws(StoreError) {
      try cache.store.verify(digest)
    } catch {
      _ = whole.withLock { $0.remove(digest) }
      guard error.objectToRebuild != nil else { throw error }
      return false
    }
    cache.remember([ActionCache.Known(path: Self.path(digest), stamp: stamp, digest: digest)])
    return true
  }

  private static func path(_ digest: Digest) -> String { "object:" + digest.hex }
}
