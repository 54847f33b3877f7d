import ActionCache
import ArgumentParser
import Bytes

extension StoreCommand {
  struct Clean: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "gc",
      abstract: "Removes what no node of any user stands for any more.",
      discussion: """
        Keeps the latest outputs of every node of every user, what they were made from, the logs of \
        their last actions, and the checkpoints that the next build goes on from. Replies of \
        teachers are all kept. Without --delete it only says what would go.
        """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "Really removes.")
    var delete = false

    @Flag(help: "Only says what would go (the default).")
    var dryRun = false

    mutating func run() throws {
      guard !(delete && dryRun) else {
        throw ValidationError("--delete and --dry-run exclude each other")
      }
      let cache = try common.openCache()
      // Builds share this lock: nothing is removed from under one.
      let lock = delete ? try cache.lock(store: .exclusive) : nil
      if delete, lock == nil { throw StoreBusy() }
      defer { withExtendedLifetime(lock) {} }
      let garbage = try Garbage(of: cache)
      if delete { try garbage.remove() }
      if common.json {
        Terminal.write(
          [
            "removed": .bool(delete), "bytes": .int(garbage.bytes), "kept": .int(garbage.kept),
            "objects": Self.json(garbage.objects), "work": Self.json(garbage.work),
            "logs": Self.json(garbage.logs),
          ] as JSON)
        return
      }
      Terminal.write(
        "\(delete ? "removed" : "would remove") \(Self.words(garbage)), "
          + "\(Terminal.size(garbage.bytes)) in all; \(garbage.kept) objects kept\n")
      for key in garbage.work { Terminal.write("  checkpoints of action \(key)\n") }
      if !delete, garbage.bytes > 0 { Terminal.write("plm store gc --delete removes them\n") }
    }

    private static func words(_ garbage: Garbage) -> String {
      func count(_ digests: [Digest], _ one: String, _ many: String) -> String {
        "\(digests.count) \(digests.count == 1 ? one : many)"
      }
      return [
        count(garbage.objects, "object", "objects"),
        count(garbage.work, "action's checkpoints", "actions' checkpoints"),
        count(garbage.logs, "log", "logs"),
      ].joined(separator: ", ")
    }

    private static func json(_ digests: [Digest]) -> JSON {
      .array(digests.map { .string($0.description) })
    }
  }
}

/// Says that a build is going on in the store.
struct StoreBusy: Error, CustomStringConvertible {
  var description: String { "a build is going on in the store; try again when it has ended" }
}
