import ActionCache
import Foundation
import Graph
import ObjectStore

/// Looks after a power cut at what may have been torn by it: results that were recorded, but not
/// yet made durable when the machine went down.
struct PowerCut {
  private let cache: ActionCache

  init(_ cache: ActionCache) { self.cache = cache }

  /// Tells one run of the operating system from the next.
  static let boot: String =
    (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))
    .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) } ?? "unknown"

  /// Hashes those results; the damaged are put into quarantine, so that the build makes them again.
  func check() throws -> [String] {
    var warnings: [String] = []
    for record in try cache.unsynced(boot: Self.boot) {
      for (name, digest) in record.outputs.sorted(by: { $0.key < $1.key }) {
        var objects = [digest]
        if cache.store.kind(of: digest) == .tree, let tree = try? cache.store.tree(digest) {
          objects += tree.entries.map(\.digest)
        }
        for object in objects {
          do {
            try cache.store.verify(object)
          } catch {
            let owner = UserName.target(user: record.user, node: record.node)
            warnings.append(
              "output \(name) of \(owner) was torn when the machine went down: \(error)")
          }
        }
      }
    }
    return warnings
  }
}
