import Bytes
import Foundation
import TestKit
import Testing

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

  @Test func `lists of users that name nobody, somebody twice or a stranger say so`() throws {
    let shop = try Workshop()
    let pipeline = Workshop.pipeline.replacing(
      "scope: gather", with: "scope: gather\n    over: list.txt")
    try Files.write(pipeline, to: shop.folder("p.yaml"))
    for (list, words) in [
      ("\n", "names nobody"), ("ann\nbob\nann\n", "names 'ann' twice"),
    ] {
      try Files.write(list, to: shop.folder("list.txt"))
      let result = try shop.run("build")
      #expect(result.exitCode == 2 && result.errors.contains(words), "\(result.errors)")
      #expect(result.errors.contains("'all'") && result.errors.contains("list.txt"))
    }
    #expect(try shop.ran().isEmpty)
    try Files.write("ann\nbbo\n", to: shop.folder("list.txt"))
    let some = try shop.run("build")
    #expect(some.exitCode == 0)
    let warning = "all: list.txt names 'bbo', who is none of the users; did you mean 'bob'?"
    #expect(some.errors.contains(warning), "\(some.errors)")
    try Files.write("eve\n", to: shop.folder("list.txt"))
    let none = try shop.run("build", ["all"])
    #expect(none.exitCode == 1)
    #expect(none.output.contains("none of the users it gathers from ('eve')"), "\(none.output)")
  }

  @Test func `where there is no store yet, everything would run, and none is made`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    try Files.makeFolder(shop.folder("store"))
    let status = try shop.run("status")
    #expect(status.exitCode == 0 && status.output.contains("ann/take: not built"), "\(status)")
    let look = try shop.run("build", ["--dry-run"])
    #expect(look.exitCode == 0 && look.output.hasSuffix("4 would run\n"), "\(look)")
    #expect(Files.names(shop.folder("store")).isEmpty)
    #expect(try shop.run("history", users: nil).exitCode == 2)
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
