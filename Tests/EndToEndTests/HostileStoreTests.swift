import Bytes
import Foundation
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Stores that cannot be written to. These need a root shell, for mounts.
@Suite(
  .serialized, .enabled(if: Places.executable("plm") != nil && getuid() == 0, "needs plm and root"))
struct HostileStoreTests {
  private func mount(_ shop: Workshop, _ options: String) throws -> Bool {
    try Files.makeFolder(shop.folder("small"))
    return try Program.run(
      "/bin/mount", ["-t", "tmpfs", "-o", options, "tmpfs", shop.folder("small")]
    ).exitCode == 0
  }

  private func unmount(_ shop: Workshop) {
    _ = try? Program.run("/bin/umount", ["-l", shop.folder("small")])
  }

  @Test func `a full disk is exit 75, and the build goes on when there is room`() throws {
    let big = String(repeating: "All work and no play. \(UInt64.max) ", count: 3000)
    let shop = try Workshop(users: ["ann": "small", "bob": "small too"])
    guard try mount(shop, "size=400k") else { return }
    defer { unmount(shop) }
    var random = SeededRandom(seed: 1)
    let noise = (0..<20_000).map { _ in String(random.next(), radix: 36) }.joined(separator: "\n")
    try Files.write(noise + big, to: shop.folder("users/bob/big.txt"))
    let store = shop.folder("small/store")
    let result = try shop.run("build", ["-j", "1"], store: store)
    #expect(result.exitCode == 75, "\(result.exitCode) \(result.errors) \(result.output)")
    _ = try Program.run("/bin/mount", ["-o", "remount,size=50m", shop.folder("small")])
    let again = try shop.run("build", store: store)
    #expect(again.exitCode == 0, "\(again.errors)")
    #expect(try shop.run("store verify", users: nil, store: store).exitCode == 0)
  }

  @Test func `a store that cannot be written can be looked at, and building in it is exit 75`()
    throws
  {
    let shop = try Workshop()
    guard try mount(shop, "size=50m") else { return }
    defer { unmount(shop) }
    let store = shop.folder("small/store")
    #expect(try shop.run("build", store: store).exitCode == 0)
    _ = try Program.run("/bin/mount", ["-o", "remount,ro", shop.folder("small")])
    let status = try shop.run("status", store: store)
    #expect(status.exitCode == 0, "\(status.errors)")
    #expect(try shop.run("cat", ["ann/take"], users: nil, store: store).output.contains("one"))
    try Files.write("new\n", to: shop.folder("users/ann/text.txt"))
    let stale = try shop.run("status", store: store)
    #expect(stale.output.contains("ann/take: stale"), "\(stale.output) \(stale.errors)")
    let result = try shop.run("build", store: store)
    #expect(result.exitCode == 75, "\(result.exitCode) \(result.errors)")
    #expect(
      result.errors.lowercased().contains("read-only") || result.errors.contains("readonly"),
      "\(result.errors)")
  }
}
