import Bytes
import Foundation
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Programs that know nothing of the store, run as nodes by the real plm.
@Suite(.enabled(if: Places.executable("plm") != nil, "plm has not been built"))
struct CommandTests {
  /// Writes a pipeline of one node with an output `o`, which a shell script makes.
  private func shop(_ script: String) throws -> Workshop {
    let shop = try Workshop(users: ["ann": "one"])
    try Files.write(script, to: shop.folder("o.sh"))
    try Files.write(
      """
      version: 1
      sources: { history: "{user.source}" }
      nodes: { o: { command: [sh, o.sh, "{in.text}", "{out.o}"], in: { text: history }, out: [o] } }
      """, to: shop.folder("p.yaml"))
    return shop
  }

  @Test func `what a killed run started writes into no later run, and nothing of it stays`() throws
  {
    // Programs in a session of their own outlive all that plm can kill.
    let shop = try shop(
      """
      setsid sh -c "sleep 1; echo $$ >> '$2'; echo late >&2; : > '$0.$$'" &
      : > "$0.begun"
      sleep 0.7
      echo $$ >> "$2"
      echo done >&2
      while [ ! -e "$0.$$" ]; do sleep 0.02; done

      """)
    let running = try shop.start("build")
    for _ in 0..<1000 where !Files.exists(shop.folder("o.sh.begun")) { usleep(5_000) }
    running.kill(SIGKILL)
    _ = running.wait()
    #expect(try shop.run("build").exitCode == 0)
    let lines = try shop.run("cat", ["ann/o"], users: nil).output.split(separator: "\n")
    #expect(Set(lines).count == 1, "\(lines)")
    let log = try shop.run("log", ["ann/o"], users: nil).output
    #expect(log.split(separator: "\n").filter { $0 != "late" } == ["done"], "\(log)")
    #expect(Files.names(shop.folder("store/tmp")).isEmpty)
  }

  @Test(arguments: [[SIGKILL], [SIGINT, SIGINT]])
  func `what a command has started ends with plm`(_ signals: [Int32]) throws {
    let shop = try shop(
      """
      trap '' INT TERM
      sh -c ": > '$0.begun'; sleep 60; :"
      : > "$2"

      """)
    let running = try shop.start("build")
    for _ in 0..<1000 where !Files.exists(shop.folder("o.sh.begun")) { usleep(5_000) }
    for signal in signals {
      running.kill(signal)
      usleep(100_000)
    }
    #expect(running.wait().exitCode == (signals == [SIGKILL] ? 137 : 130))
    for _ in 0..<500 where isRunning(shop.folder("o.sh")) { usleep(10_000) }
    #expect(!isRunning(shop.folder("o.sh")))
  }

  /// Whether any process names a file.
  private func isRunning(_ path: String) -> Bool {
    Files.names("/proc").contains { name in
      Int32(name) != nil && (try? Files.text("/proc/\(name)/cmdline"))?.contains(path) == true
    }
  }

  @Test func `a log has what came on either stream in order, and its end says why`() throws {
    let shop = try shop(
      """
      for n in 1 2 3; do echo out $n; echo err $n >&2; done
      echo why; exit 4

      """)
    let result = try shop.run("build")
    #expect(result.output.contains("ann/o failed (exit 4): why"), "\(result.output)")
    let log = try shop.run("log", ["ann/o"], users: nil).output
    #expect(log == "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\nwhy\n")
  }

  @Test func `the log says what of an output is not taken`() throws {
    let shop = try shop(
      """
      mkdir -p "$2/sub" "$2/.git" && cd "$2" && echo a > sub/a && echo b > .env && mkfifo sub/pipe
      ln -s a sub/file && ln -s sub folder && echo said

      """)
    #expect(try shop.run("build").exitCode == 0)
    let log = try shop.run("log", ["ann/o"], users: nil).output
    #expect(
      log == """
        said
        plm: output 'o': .env is a dot-file, and is left out
        plm: output 'o': .git is a dot-file, and is left out
        plm: output 'o': folder is a link to a folder, and is left out
        plm: output 'o': sub/pipe is neither a file nor a folder, and is left out

        """)
    let shown = try JSON(parsing: try shop.run("show", ["ann/o.o", "--json"], users: nil).output)
    let paths = shown["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue }
    #expect(paths == ["sub/a", "sub/file"])
  }

  @Test func `an output that is neither file nor folder is a failure of its user`() throws {
    let result = try shop("mkfifo \"$2\"").run("build")
    #expect(result.exitCode == 1, "\(result.errors)")
    #expect(result.output.contains("(exit 1): neither a file nor a folder"), "\(result.output)")
  }

  @Test func `folders for logs that are gone are made again`() throws {
    let shop = try shop("echo one; cp -r \"$1\" \"$2\"")
    #expect(try shop.run("build").exitCode == 0)
    Files.remove(shop.folder("store/logs"))
    #expect(try shop.run("build", ["--force", "o"]).exitCode == 0)
    #expect(try shop.run("log", ["ann/o"], users: nil).output == "one\n")
  }
}
