import Foundation
import ObjectStore

/// Owns an empty store outside of all that is kept, removed when the last reference goes: what a
/// store that is not there yet looks like.
final class PassingStore: Sendable {
  let store: ObjectStore

  init() throws {
    let name = "plm-look-\(UUID().uuidString)"
    store = try ObjectStore.create(
      at: FileManager.default.temporaryDirectory.appendingPathComponent(name).path)
  }

  deinit { try? FileManager.default.removeItem(atPath: store.path) }
}
