import Bytes
import Foundation
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// The real plm and its stages, interrupted and killed.
@Suite(.enabled(if: Places.executable("plm") != nil, "plm has not been built"))
struct InterruptionTests {
  @Test func `killed at any moment, the next build comes to the same digests`() throws {
    let users = Dictionary(uniqueKeysWithValues: (0..<5).map { ("u\($0)", "text \($0)") })
    let calm = try Workshop(users: users)
    #expect(try calm.run("build").exitCode == 0)
    let shop = try Workshop(users: users)
    var random = SeededRandom(seed: 7)
    for _ in 0..<12 {
      let running = try shop.start("build", ["-j", "3"], environment: ["PLM_THREADS": "0.02"])
      usleep(UInt32(20_000 + random.below(400_000)))
      running.kill(SIGKILL)
      _ = running.wait()
    }
    #expect(try shop.run("build").exitCode == 0)
    // The folders differ, so do paths in no artifact at all.
    #expect(
      Set(try shop.digests().mapValues(\.text).values)
        == Set(try calm.digests().mapValues(\.text).values))
    // A lock's file may outlive its holder, and is then in nobody's way.
    #expect(try shop.run("store verify", users: nil).exitCode == 0)
  }

  @Test func `stages die with a killed resolver`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    let running = try shop.start("build", environment: ["PLM_THREADS": "30"])
    let mark = shop.folder("runs")
    for _ in 0..<500 where !Files.exists(mark) { usleep(10_000) }
    running.kill(SIGKILL)
    _ = running.wait()
    usleep(200_000)
    let list = try Program.run(
      "/bin/sh", ["-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"])
    #expect(!list.output.contains(shop.folder("step.sh")))
  }

  @Test func `an interrupt ends with 130 and leaves a store that goes on`() throws {
    let shop = try Workshop()
    let running = try shop.start("build", environment: ["PLM_THREADS": "20"])
    for _ in 0..<500 where !Files.exists(shop.folder("runs")) { usleep(10_000) }
    running.kill(SIGINT)
    #expect(running.wait(seconds: 20).exitCode == 130)
    #expect(try shop.run("build").exitCode == 0)
  }

  @Test func `the exit code in JSON is that of the process`() throws {
    let shop = try Workshop(users: ["ann": "fail", "bob": "two"])
    let running = try shop.start(
      "build", ["--json", "-j", "2"], environment: ["PLM_THREADS": "20"])
    for _ in 0..<500 {
      let took = (try? Files.text(shop.folder("runs")))?.split(separator: "\n").count ?? 0
      if took >= 2 { break }
      usleep(10_000)
    }
    usleep(300_000)
    running.kill(SIGINT)
    let result = running.wait(seconds: 20)
    #expect(result.exitCode == 130)
    let json = try JSON(parsing: result.output)
    #expect(json["exit"] == 130 && json["counts"]?["failed"] == 1, "\(result.output)")
  }

  /// A stage that hangs, in a worker.
  private static let hanging = """
    version: 1
    sources: { history: "{user.source}" }
    nodes: { hang: { stage: probe, in: { text: history }, set: { mood: hang, threads: 1 } } }
    """

  /// The processes that work on a store.
  private func workers(on store: String) -> [String] {
    Files.names("/proc").filter { name in
      guard Int32(name) != nil, let words = try? Files.text("/proc/\(name)/cmdline") else {
        return false
      }
      return words.contains("--worker") && words.contains(store)
    }
  }

  @Test(arguments: [SIGINT, SIGKILL])
  func `workers end with an interrupted or killed resolver`(_ signal: Int32) throws {
    let shop = try Workshop()
    try Files.write(Self.hanging, to: shop.folder("p.yaml"))
    let running = try shop.start("build", ["-j", "2"])
    for _ in 0..<500 where workers(on: shop.folder("store")).count < 2 { usleep(10_000) }
    #expect(workers(on: shop.folder("store")).count == 2)
    running.kill(signal)
    #expect(running.wait(seconds: 20).exitCode == (signal == SIGINT ? 130 : 137))
    for _ in 0..<100 where !workers(on: shop.folder("store")).isEmpty { usleep(10_000) }
    #expect(workers(on: shop.folder("store")).isEmpty)
  }
}
