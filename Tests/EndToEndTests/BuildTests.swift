import Bytes
import Foundation
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#endif

private let all = ["all", "last", "last", "make", "make", "take", "take"]

/// The real plm with real processes.
@Suite(.enabled(if: Places.executable("plm") != nil, "plm has not been built")) struct BuildTests {
  @Test func `build, edit, touch, revert`() throws {
    let shop = try Workshop()
    let first = try shop.run("build")
    #expect(first.exitCode == 0, "\(first.errors)")
    #expect(first.output == "2 users: 7 ran\n")
    #expect(try shop.ran() == all)
    #expect(try shop.run("build").output == "2 users: 7 up to date\n")
    #expect(try shop.ran().isEmpty)
    try Files.write("three\n", to: shop.folder("users/ann/text.txt"))
    let why = try shop.run("why", ["ann/take"])
    #expect(why.output.contains("input source"), "\(why.output)")
    #expect(try shop.ran().isEmpty)
    #expect(try shop.run("build").exitCode == 0)
    #expect(try shop.ran() == ["all", "last", "make", "take"])
    try Files.write("one\n", to: shop.folder("users/ann/text.txt"))
    let back = try shop.run("build")
    #expect(try shop.ran().isEmpty)
    #expect(back.output.contains("4 found in the store"), "\(back.output)")
  }

  @Test func `one who fails costs nobody else, and says why`() throws {
    let shop = try Workshop(users: ["ann": "fail", "bob": "two", "cyd": "three"])
    let result = try shop.run("build")
    #expect(result.exitCode == 1)
    #expect(result.output.contains("ann/take failed (exit 1): this text fails"), "\(result.output)")
    #expect(try shop.run("log", ["ann/take"]).output == "this text fails\n")
    #expect(try shop.run("cat", ["all"]).output.contains("last:"))
    let parts = try shop.run("lineage", ["all"])
    #expect(parts.output.contains("cyd/last"), "\(parts.output)")
    try Files.write("fine\n", to: shop.folder("users/ann/text.txt"))
    #expect(try shop.run("build").exitCode == 0)
  }

  @Test func `odd names of users`() throws {
    let long = String(repeating: "n", count: 300)
    let shop = try Workshop(users: [:])
    for number in 0..<7 {
      try Files.write("text \(number)\n", to: shop.folder("texts/\(number)/t.txt"))
    }
    let names = ["with space", "a/b", "two\nlines", "zoë 🦊", long, "train", "take"]
    let lines = names.enumerated().map { number, name in
      JSON.object(["user": .string(name), "source": .string("texts/\(number)")]).text
    }
    try Files.write(lines.joined(separator: "\n") + "\n", to: shop.folder("list.jsonl"))
    let result = try shop.run("build", users: "list.jsonl")
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.output == "7 users: 22 ran\n")
    for (number, name) in [
      "with%20space", "a%2Fb", "two%0Alines", "zo%C3%AB%20%F0%9F%A6%8A", "train", "take", "a/b",
    ].enumerated() {
      let shown = try shop.run("cat", ["\(name)/take"], users: nil)
      #expect(shown.output.hasPrefix("take:\ntext"), "\(number) \(shown.errors)")
    }
    let ambiguous = try shop.run("build", ["take"], users: "list.jsonl")
    #expect(ambiguous.exitCode == 2)
    #expect(ambiguous.errors.contains("--user 'take'"), "\(ambiguous.errors)")
    #expect(try shop.run("build", ["--user", "take"], users: "list.jsonl").exitCode == 0)
  }

  @Test(arguments: [
    ["build", "--nonsense"], ["build", "nobody"], ["build", "ann/tkae"], ["nonsense"],
    ["build", "-j", "0"],
    ["build", "--set", "make.rnak=3"], ["build", "--force", "nothing"], ["cat", "ann/take"],
    ["show", "sha256:00"],
    ["build", "--executor", "moon"], ["log"],
  ])
  func `wrong usage is exit 2, and nothing runs`(_ words: [String]) throws {
    let shop = try Workshop()
    _ = try shop.run("store stats", users: nil)
    let result = try shop.run(words[0], Array(words.dropFirst()))
    #expect(result.exitCode == 2, "\(result.exitCode) \(result.errors)")
    #expect(!result.errors.isEmpty)
    #expect(try shop.ran().isEmpty)
  }

  @Test func `odd files are taken or told of`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    #expect(try shop.run("build").exitCode == 0)
    let folder = shop.folder("users/ann")
    try Files.write("far away", to: shop.folder("elsewhere/text.txt"))
    #expect(symlink(shop.folder("elsewhere"), folder + "/more") == 0)
    // A name that is no UTF-8, and a time that no count of nanoseconds reaches.
    let shell = """
      printf 'x\\n' > "$1/caf$(printf '\\351').md" && touch -d 2400-01-01 "$1/text.txt"
      """
    #expect(try Program.run("/bin/sh", ["-c", shell, "sh", folder]).exitCode == 0)
    #expect(try shop.run("status").exitCode == 0)
    let built = try shop.run("build")
    #expect(built.exitCode == 0, "\(built.errors)")
    #expect(built.errors.contains("users/ann/more is a link to a folder, and is left out"))
    #expect(try shop.run("status").output.contains("4 up to date"))
  }

  @Test func `what cannot be printed costs no build, and a result that cannot says so`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    func run(_ verb: String, _ redirection: String) throws -> ProgramResult {
      let command = "\"$0\" \(verb) \"$@\" \(redirection)"
      return try Program.run(
        "/bin/sh", ["-c", command, shop.plm] + shop.arguments + ["--users", shop.folder("users")])
    }
    #expect(try run("build", "2>/dev/full").exitCode == 0)
    #expect(try shop.ran().count == 4)
    #expect(try run("build", "2>&-").exitCode == 0)
    let full = try run("status", ">/dev/full")
    #expect(full.exitCode == 75 && full.errors.contains("standard output"), "\(full.errors)")
    #expect(try shop.run("show", ["--limit=-1", "all"]).exitCode == 2)
    #expect(try shop.run("build", ["-j", "9223372036854775807"]).exitCode == 2)
  }

  @Test func `missing places are exit 2 and are named`() throws {
    let shop = try Workshop()
    let users = try shop.run("build", users: "nowhere")
    #expect(users.exitCode == 2)
    #expect(users.errors.contains("nowhere"))
    Files.remove(shop.folder("base.txt"))
    let source = try shop.run("build")
    #expect(source.exitCode == 2)
    #expect(source.errors.contains("base.txt"))
    #expect(try shop.ran().isEmpty)
    let store = try Program.run(
      shop.plm, ["status"], environment: ["PLM_STORE": ""], in: "/")
    #expect(store.exitCode == 2)
    #expect(store.errors.contains("PLM_STORE") && store.errors.contains("Artifacts"))
  }

  @Test func `bad pipelines are exit 2 with a suggestion`() throws {
    let shop = try Workshop()
    for (old, new, words) in [
      ("take.text", "tkae.text", "did you mean 'take.text'?"),
      ("sources:", "souces:", "did you mean 'sources'?"),
      ("{ source: history }", "{ source: last.end }", "→"),
      ("command: [sh, step.sh, all", "stage: nothing #", "only a node with 'command'"),
    ] {
      try Files.write(Workshop.pipeline.replacing(old, with: new), to: shop.folder("p.yaml"))
      let result = try shop.run("build")
      #expect(result.exitCode == 2)
      #expect(result.errors.contains(words), "\(result.errors)")
    }
    #expect(try shop.ran().isEmpty)
  }

  @Test func `an object that was damaged is made again, with exit 0`() throws {
    let shop = try Workshop()
    _ = try shop.run("build")
    let before = try shop.digests()
    _ = try shop.ran()
    let objects = Files.tree(shop.folder("store/objects"))
    for path in objects { try Files.flipBit(shop.folder("store/objects/" + path), at: 0) }
    let verify = try shop.run("store verify", users: nil)
    #expect(verify.exitCode == 3)
    let result = try shop.run("build")
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(try shop.ran() == all)
    #expect(try shop.digests() == before)
    #expect(try shop.run("store verify", users: nil).exitCode == 0)
  }

  @Test(arguments: [false, true])
  func `a damaged copy of a source is told of, and taken anew`(isTouched: Bool) throws {
    let shop = try Workshop()
    _ = try shop.run("build")
    let before = try shop.digests()
    let copy = Digest(of: "one\n")
    let place = shop.folder("store/objects/\(copy.hex.prefix(2))/\(copy.hex.dropFirst(2))")
    try Files.flipBit(place, at: 1)
    // A touched file is put once more, which heals the copy before anybody looks at it.
    if isTouched { try Files.write("one\n", to: shop.folder("users/ann/text.txt")) }
    let result = try shop.run("build")
    #expect(result.exitCode == 0)
    let warning =
      "warning: object \(copy) (the copy of \(shop.folder("users/ann/text.txt"))) was damaged"
    #expect(result.errors.contains(warning), "\(result.errors)")
    #expect(
      result.output == "2 users: 7 up to date\n1 object was found damaged; plm history says which\n"
    )
    #expect(try Files.text(place) == "one\n")
    #expect(try shop.digests() == before)
    #expect(try shop.run("history", users: nil).output.contains("\(copy) was found damaged"))
    #expect(try shop.run("store verify", users: nil).exitCode == 0)
    // It is told of once.
    #expect(try shop.run("build").output == "2 users: 7 up to date\n")
  }

  @Test func `a damaged part of a LaMP file is told of, and cut anew`() throws {
    let shop = try Workshop(users: [:])
    try Files.write(
      #"[{"id":"1","user_id":"ann","input":"x"},{"id":"2","user_id":"bob","input":"y"}]"#,
      to: shop.folder("dev_questions.json"))
    #expect(try shop.run("build", users: "dev_questions.json").exitCode == 0)
    let part = Digest(of: "[{\"id\":\"1\",\"user_id\":\"ann\",\"input\":\"x\"}]\n")
    try Files.flipBit(
      shop.folder("store/objects/\(part.hex.prefix(2))/\(part.hex.dropFirst(2))"), at: 1)
    let again = try shop.run("build", ["--force", "take", "--json"], users: "dev_questions.json")
    #expect(again.exitCode == 0, "\(again.errors)")
    #expect(try JSON(parsing: again.output)["damaged"] == .array([.string(part.description)]))
    #expect(again.errors.contains("(the part of ann in "), "\(again.errors)")
  }

  @Test func `what is damaged is never handed on`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    _ = try shop.run("build")
    for path in Files.tree(shop.folder("store/objects")) {
      try Files.flipBit(shop.folder("store/objects/" + path), at: 0)
    }
    let result = try shop.run("cat", ["ann/make"], users: nil)
    #expect(result.exitCode == 3)
    #expect(result.output.isEmpty)
    #expect(result.errors.contains("damaged"), "\(result.errors)")
  }

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

  @Test func `two builds at once share the work`() throws {
    let users = Dictionary(uniqueKeysWithValues: (0..<6).map { ("u\($0)", "text \($0)") })
    let shop = try Workshop(users: users)
    let pair = try (0..<2).map { _ in try shop.start("build", environment: ["PLM_THREADS": "0.05"])
    }
    for running in pair {
      let result = running.wait()
      #expect(result.exitCode == 0, "\(result.errors)")
    }
    #expect(try shop.ran().count == 6 * 3 + 1)
  }

  @Test func `the number of jobs and the store change no digest`() throws {
    let shop = try Workshop()
    _ = try shop.run("build", ["-j", "1"])
    _ = try shop.run("build", ["-j", "2"], store: shop.folder("other"))
    #expect(try shop.digests() == shop.digests(store: shop.folder("other")))
  }

  @Test func `a dry run runs nothing, and needs no store that can be written`() throws {
    let shop = try Workshop()
    _ = try shop.run("build")
    _ = try shop.ran()
    try Files.write("new\n", to: shop.folder("users/ann/text.txt"))
    let result = try shop.run("build", ["--dry-run"])
    #expect(result.exitCode == 0)
    #expect(result.output.contains("ann/take: would run\n  input source"), "\(result.output)")
    #expect(try shop.ran().isEmpty)
  }

  @Test func `secrets reach only those who declare them`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    try Files.write(
      """
      version: 1
      sources: { history: "{user.source}" }
      nodes:
        open: { command: [sh, -c, "env > {out.env}"], in: { source: history }, out: [env] }
        told: { command: [sh, -c, "env > {out.env}"], in: { source: history }, out: [env], secrets: [SOME_KEY] }
      """, to: shop.folder("p.yaml"))
    #expect(
      try shop.run("build", environment: ["SOME_KEY": "xyzzy", "OTHER_KEY": "plugh"]).exitCode == 0)
    let open = try shop.run("cat", ["ann/open"], users: nil).output
    #expect(!open.contains("xyzzy") && !open.contains("plugh"), "\(open)")
    let told = try shop.run("cat", ["ann/told"], users: nil).output
    #expect(told.contains("SOME_KEY=xyzzy") && !told.contains("plugh"))
    let journal = try Files.text(shop.folder("store/journal/main.jsonl"))
    #expect(!journal.contains("xyzzy"))
  }

  @Test func `a secret that a program prints is covered in its log`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    try Files.write(
      """
      version: 1
      sources: { history: "{user.source}" }
      nodes:
        told: { command: [sh, -c, "echo sent: $SOME_KEY >&2; exit 1; : {out.x}"], in: { source: history }, out: [x], secrets: [SOME_KEY] }

      """, to: shop.folder("p.yaml"))
    let result = try shop.run("build", environment: ["SOME_KEY": "xyzzy-plugh"])
    #expect(result.exitCode == 1)
    #expect(try shop.run("log", ["ann/told"], users: nil).output.contains("sent: ***"))
    let everything =
      result.output + result.errors
      + (try Files.text(shop.folder("store/journal/main.jsonl")))
    #expect(everything.contains("sent: ***") && !everything.contains("xyzzy-plugh"))
  }

  @Test func `users that have gone are missed, not replaced by others`() throws {
    let shop = try Workshop()
    let pipeline = try Files.text(shop.folder("p.yaml"))
    try Files.write(pipeline + "\nusers: others\n", to: shop.folder("p.yaml"))
    try Files.write("three\n", to: shop.folder("others/eve/text.txt"))
    #expect(try shop.run("build").exitCode == 0)
    _ = try shop.ran()
    try FileManager.default.moveItem(atPath: shop.folder("users"), toPath: shop.folder("away"))
    let gone = try shop.run("build", users: nil)
    #expect(gone.exitCode == 2 && gone.errors.contains("not there any more"), "\(gone.errors)")
    #expect(try shop.ran().isEmpty)
  }

  @Test func `what is misspelt is refused with what was meant`() throws {
    let plm = try Workshop.executable()
    let verb = try Program.run(plm, ["help", "buidl"])
    #expect(verb.exitCode == 2 && verb.errors.contains("did you mean 'build'?"), "\(verb.errors)")
    #expect(try Program.run(plm, ["help", "store", "gc"]).exitCode == 0)
    let kernels = try Program.run(plm, ["stages"], environment: ["PLM_KERNELS": "abacus"])
    #expect(kernels.exitCode == 2 && kernels.errors.contains("abacus"))
  }

  @Test func `every verb that prints facts prints them as JSON`() throws {
    let shop = try Workshop()
    _ = try shop.run("build")
    for (verb, words) in [
      ("status", []), ("why", ["ann/take"]), ("graph", []), ("log", ["ann/take"]),
      ("show", ["ann/take"]),
      ("show", ["ann/take.text"]), ("lineage", ["all"]), ("diff", ["ann/take", "bob/take"]),
      ("history", []),
      ("history", ["ann/take"]), ("stages", []), ("build", []), ("store stats", []),
      ("store verify", []),
      ("store gc", []),
    ] as [(String, [String])] {
      let result = try shop.run(verb, words + ["--json"])
      #expect(result.exitCode == 0, "\(verb) \(result.errors)")
      #expect((try? JSON(parsing: result.output)) != nil, "\(verb) \(result.output)")
    }
  }
}

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
