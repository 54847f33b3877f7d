import Bytes
import ObjectStore
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite(.enabled(if: Places.executable("probe") != nil, "needs the probe stage to be built"))
struct ExecutableTests {
  let home: TemporaryStore
  let probe: String

  init() throws {
    home = try TemporaryStore()
    probe = try #require(Places.executable("probe"))
    try Files.write("some text\n", to: home.folder("text.txt"))
  }

  func arguments(_ more: String...) -> [String] {
    ["--store", home.path, "--in", "text=\(home.folder("text.txt"))"]
      + more.flatMap { ["--set", $0] }
  }

  @Test(arguments: ["train", "quantize", "synthesize", "evaluate", "initialize"])
  func `Kernels that cannot be had are refused before anything is done`(stage: String) throws {
    let program = try #require(Places.executable(stage))
    for mode in [[], ["--worker"]] {
      let result = try Program.run(
        program, ["--store", home.folder("none")] + mode, environment: ["PLM_KERNELS": "abacus"])
      #expect(result.exitCode == 2 && result.errors.contains("PLM_KERNELS is 'abacus'"))
    }
    #expect(!Files.exists(home.folder("none")))
    let described = try Program.run(program, ["--describe"], environment: ["PLM_KERNELS": "abacus"])
    #expect(described.exitCode == 0)
  }

  @Test func `Outputs come last on stdout, progress on 3, logs on stderr`() throws {
    let result = try Program.run(probe, arguments("times=2", "mood=chatty"))
    #expect(result.exitCode == 0)
    let copy = Digest(of: "some text\nsome text\n")
    #expect(result.output.hasPrefix(#"{"outputs":{"copy":"\#(copy)","notes":"sha256:"#))
    #expect(result.output.split(separator: "\n").count == 1)
    #expect(result.progress == "{\"copies\":2,\"scale\":0.5}\n")
    #expect(result.errors == "a line that a library prints by itself\n")
    #expect(try home.store.read(copy) == Array("some text\nsome text\n".utf8))
  }

  @Test func `Relative paths of store and inputs do, from any folder`() throws {
    let result = try Program.run(
      probe, ["--store", "new", "--in", "text=text.txt"], in: home.folder.path)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(Files.exists(home.folder("new/format")))
  }

  @Test func `By hand progress is told on stderr`() throws {
    let result = try Program.run(probe, arguments(), withProgress: false)
    #expect(result.exitCode == 0)
    #expect(result.errors == "copies 1 · scale 0.5\n")
    #expect(result.progress == "")
  }

  @Test func `The store may come from the environment, secrets only if declared and set`() throws {
    let result = try Program.run(
      probe, ["--in", "text=\(home.folder("text.txt"))", "--set", "times=2"],
      environment: ["PLM_STORE": home.path, "PROBE_SECRET": "hush"])
    let tree = try #require(
      JSON(parsing: result.lastLine)["outputs"]?["notes"]?.stringValue.flatMap { Digest($0) })
    let entry = try #require(home.store.tree(tree)["secret/known.txt"])
    #expect(try home.store.read(entry.digest) == Array("true\n".utf8))
    for path in Files.tree(home.path) where !path.hasSuffix(".z") {
      #expect(!(try Files.text(home.path + "/" + path).contains("hush")), "\(path)")
    }
  }

  @Test func `Failures end with their code and no outputs`() throws {
    for (mood, code) in [("fail", 75), ("silent", 1), ("crash", 137), ("merry", 2)] {
      let result = try Program.run(probe, arguments("mood=\(mood)"))
      #expect(result.exitCode == Int32(code), "\(mood)")
      #expect(result.output == "")
    }
  }

  @Test func `A worker answers to the end of its input`() throws {
    let text = try home.store.put(Array("x".utf8))
    let requests = (1...200).map {
      #"{"id":\#($0),"in":{"text":"\#(text)"},"set":{"times":\#($0)}}"#
    }
    let result = try Program.run(
      probe, ["--worker", "--store", home.path], input: requests.joined(separator: "\n") + "\n")
    #expect(result.exitCode == 0)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 200)
    for (index, line) in lines.enumerated() {
      let answer = try JSON(parsing: String(line))
      #expect(answer["id"] == .int(index + 1))
      let copy = String(repeating: "x", count: index + 1)
      #expect(answer["outputs"]?["copy"]?.stringValue == Digest(of: copy).description)
    }
  }

  @Test func `A stage ends when whoever reads its progress is gone`() throws {
    let start = ContinuousClock.now
    let result = try Program.run(
      "/bin/bash",
      ["-c", "exec 3> >(exec sleep 0.5 > /dev/null); \(probe) \"$@\"", "bash"]
        + arguments("mood=hang"), seconds: 60)
    #expect(result.exitCode == 130)
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test func `Two runs of one action never use its checkpoints at once`() throws {
    let first = try RunningProgram(probe, arguments("mood=hold"))
    let second = try RunningProgram(probe, arguments("mood=hold"))
    let results = [first.wait(), second.wait()]
    for result in results {
      #expect(result.exitCode == 0)
      #expect(result.output == results[0].output)
      #expect(result.errors == "alone\n")
    }
    #expect(Files.names(home.path + "/work") == [])
  }

  @Test(.enabled(if: TinyDisk.isPossible, "\(TinyDisk.reason)"))
  func `On a full disk and in a read-only store a stage asks to try again`() throws {
    let disk = try #require(TinyDisk(bytes: 1 << 20))
    let noise = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }
    try Files.write(noise, to: home.folder("noise"))
    let full = try Program.run(
      probe,
      ["--store", disk.path + "/s", "--in", "text=\(home.folder("noise"))", "--set", "times=3"])
    #expect(full.exitCode == 75, "\(full.errors)")
    #expect(full.errors.contains("free some space"))
    disk.makeReadOnly()
    let locked = try Program.run(
      probe,
      ["--store", disk.path + "/s", "--in", "text=\(home.folder("noise"))", "--set", "times=2"])
    #expect(locked.exitCode == 75, "\(locked.errors)")
  }

  @Test func `Killed at any moment, a stage leaves whole objects and the next one clears up`()
    throws
  {
    var line = ""
    for number in 0..<20_000 { line += "line \(number * number)\n" }
    try Files.write(line, to: home.folder("text.txt"))
    let expected = try Program.run(
      probe, ["--store", home.folder("calm")] + arguments("times=20").dropFirst(2))
    #expect(expected.exitCode == 0)
    var generator = SeededRandom(seed: 1)
    for _ in 0..<20 {
      let running = try RunningProgram(probe, arguments("times=20"))
      usleep(UInt32(generator.below(150_000)))
      running.kill(SIGKILL)
      _ = running.wait()
      for digest in try home.store.digests(matching: "") { try home.store.verify(digest) }
    }
    let result = try Program.run(probe, arguments("times=20"))
    #expect(result.output == expected.output)
    #expect(Files.names(home.path + "/tmp") == [])
    #expect(Files.names(home.path + "/quarantine") == [])
  }
}
