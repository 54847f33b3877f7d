import Bytes
import Formats
import Foundation
import ObjectStore
import TestKit
import Testing

/// Training that was killed goes on from its last checkpoint, and comes to the same bits.
@Suite(.serialized) struct ResumeTests {
  /// Waits until a store holds a checkpoint that has been replaced some times since.
  /// - Returns: false if the program ended before.
  private func waitForCheckpoints(_ count: Int, in store: String, _ running: RunningProgram) -> Bool
  {
    var seen: Set<UInt64> = []
    var last: UInt64 = 0
    while !running.hasEnded {
      for key in Files.names(store + "/work") {
        let stamp = FileStamp(path: "\(store)/work/\(key)/checkpoint.safetensors")
        if let stamp, stamp.inode != last {
          last = stamp.inode
          seen.insert(stamp.inode &+ UInt64(bitPattern: stamp.changed))
        }
      }
      if seen.count > count { return true }
      usleep(500)
    }
    return false
  }

  /// The steps that a log says a run went on from.
  private func resumed(_ log: String) -> [Int] {
    log.split(separator: "\n").filter { $0.hasPrefix("resuming at step ") }
      .compactMap { Int($0.split(separator: " ")[3]) }
  }

  @Test(arguments: ["dora=false", "dora=true"])
  func `the stage, killed twice`(setting: String) throws {
    let train = try #require(Places.executable("train"))
    let folder = try TemporaryFolder()
    let samples = (0..<6).map { row in
      let ids = (0..<24).map { Int32(($0 * 37 + row * 101) % 500 + 1) }
      return TokenSample(ids: ids, labels: ids)
    }
    try Files.write(TokenFile.bytes(samples), to: folder("tokens.safetensors"))
    try Files.write(TokenFile.bytes(Array(samples.prefix(2))), to: folder("heldout.safetensors"))
    func arguments(_ store: String) -> [String] {
      var words = ["--store", folder(store)]
      words += ["--in", "base=\(Places.root)/Tests/Fixtures/reference/llama-tied-gqa/model"]
      words += ["--in", "tokens=\(folder("tokens.safetensors"))"]
      words += ["--in", "heldout=\(folder("heldout.safetensors"))"]
      for setting in [
        "steps=400", "rank=4", "dropout=0.1", "batch_size=2", "checkpoint_seconds=0", "threads=1",
        "keep_gradients=true", setting,
      ] { words += ["--set", setting] }
      return words
    }
    let calm = try Program.run(train, arguments("calm"))
    #expect(calm.exitCode == 0, "\(calm.errors)")
    #expect(resumed(calm.errors).isEmpty)

    var steps: [Int] = []
    for _ in 0..<2 {
      let running = try RunningProgram(train, arguments("store"))
      try #require(waitForCheckpoints(5, in: folder("store"), running), "it was too quick to kill")
      running.kill(SIGKILL)
      let result = running.wait()
      #expect(result.exitCode == 137)
      steps += resumed(result.errors)
    }
    let last = try Program.run(train, arguments("store"))
    steps += resumed(last.errors)
    #expect(last.output == calm.output)
    #expect(steps.count == 2 && steps[0] >= 4 && steps[1] > steps[0] && steps[1] < 400, "\(steps)")
    #expect(Files.names(folder("store/work")).isEmpty)
  }

  /// 300 steps on a reference model, with a checkpoint after each.
  private static func arguments(
    _ place: String, _ name: String, _ store: TemporaryStore
  ) -> [String] {
    [
      "--store", place, "--in", "base=\(StageRun.folder(name))/model",
      "--in", "tokens=\(store.folder("tokens.safetensors"))", "--set", "steps=300",
      "--set", "checkpoint_seconds=0", "--set", "threads=1",
    ]
  }

  /// A checkpoint changed in one tensor, whole by its digest.
  private func changed(_ bytes: [UInt8], _ name: String, _ change: String) throws -> [UInt8] {
    let file = try SafetensorsFile(MappedFile(copying: bytes))
    var writer = SafetensorsWriter(metadata: file.metadata)
    for tensor in file.names where tensor != "digest" {
      var floats = try file.floats(of: tensor)
      if tensor == name { if change == "missing" { continue } else { floats.removeLast() } }
      writer.add(tensor, floats, shape: [floats.count])
    }
    writer.add("digest", type: .u8, shape: [64], bytes: [UInt8](repeating: 0, count: 64))
    let content = Array(writer.bytes().dropLast(64))
    return content + Array(Digest(of: content).hex.utf8)
  }

  @Test(arguments: ["missing", "shorter", "none"])
  func `a checkpoint that is not the run's leaves nothing behind`(change: String) throws {
    let train = try #require(Places.executable("train"))
    let store = try TemporaryStore()
    let name = "llama-mqa-padded"
    try Files.write(StageRun.tokens(name), to: store.folder("tokens.safetensors"))
    func arguments(_ place: String) -> [String] { Self.arguments(place, name, store) }
    let running = try RunningProgram(train, arguments(store.path))
    try #require(waitForCheckpoints(3, in: store.path, running), "it was too quick to kill")
    running.kill(SIGKILL)
    _ = running.wait()
    let key = try #require(Files.names(store.path + "/work").first)
    let path = "\(store.path)/work/\(key)/checkpoint.safetensors"
    let bytes = try Files.read(path)
    try Files.write(changed(bytes, change == "none" ? "" : "v", change), to: path)
    let other = try Program.run(train, arguments(store.path))
    let calm = try Program.run(train, arguments(store.folder("calm")))
    #expect(other.exitCode == 0 && other.output == calm.output)
    #expect(resumed(other.errors).isEmpty == (change != "none"))
  }

  @Test func `another variant of the kernels starts anew`() throws {
    let train = try #require(Places.executable("train"))
    let store = try TemporaryStore()
    let name = "llama-mqa-padded"
    try Files.write(StageRun.tokens(name), to: store.folder("tokens.safetensors"))
    func arguments(_ place: String) -> [String] { Self.arguments(place, name, store) }
    let scalar = ["PLM_KERNELS": "scalar"]
    let running = try RunningProgram(train, arguments(store.path), environment: scalar)
    try #require(waitForCheckpoints(3, in: store.path, running), "it was too quick to kill")
    running.kill(SIGKILL)
    _ = running.wait()
    let other = try Program.run(train, arguments(store.path))
    let calm = try Program.run(train, arguments(store.folder("calm")))
    #expect(other.exitCode == 0 && other.output == calm.output)
    // A processor with no other variant may go on.
    let same = try Program.run(Workshop.executable(), ["--version"]).output.contains("scalar")
    #expect(same || resumed(other.errors).isEmpty)
  }

  @Test func `in a build: plm killed, then the stage alone`() throws {
    let settings = ["train-real.epochs=15", "train-real.checkpoint_seconds=0"]
    let words = ["ada/train-real"] + settings.flatMap { ["--set", $0] }
    let calm = try PersonalPipeline()
    let expected = try calm.build(words)["ada/train-real"]?.outputs

    let person = try PersonalPipeline()
    let killed = try person.start("build", words)
    try #require(waitForCheckpoints(3, in: person.folder("store"), killed))
    killed.kill(SIGKILL)
    #expect(killed.wait().exitCode == 137)
    // The resolver tries again by itself what a signal ended.
    let running = try person.start("build", words)
    try #require(waitForCheckpoints(3, in: person.folder("store"), running))
    let stage = try #require(PersonalPipeline.process(of: "train", store: person.folder("store")))
    kill(stage, SIGKILL)
    let result = running.wait()
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(try person.build(words)["ada/train-real"]?.outputs == expected)
    let log = try person.run("log", ["ada/train-real"])
    #expect(resumed(log.output).count == 1, "\(log.output) \(log.errors)")
  }
}
