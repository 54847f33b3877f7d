public import ObjectStore

/// Owns an empty store, removed when the last reference goes.
public final class TemporaryStore: Sendable {
  public let folder: TemporaryFolder
  public let store: ObjectStore

  /// Makes the store.
  public init() throws {
    folder = try TemporaryFolder()
    store = try ObjectStore.create(at: folder("store"))
  }

  public var path: String { store.path }
}
