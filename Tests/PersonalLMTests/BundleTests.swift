import Bytes
import Foundation
import PersonalLM
import TestKit
import Testing

/// What bundles must hold to be sound, and how models outside of bundles are opened.
struct BundleTests {
  private static func entry(_ name: String, _ bytes: [UInt8], size: Int? = nil) -> String {
    #""\#(name)":{"digest":"\#(Digest(of: bytes))","bytes":\#(size ?? bytes.count)}"#
  }

  private static func manifest(_ entries: [String], layout: String = "merged") -> String {
    let files = "{" + entries.joined(separator: ",") + "}"
    return layout == "merged"
      ? #"{"format":"plm-bundle 2","files":\#(files)}"#
      : #"{"format":"plm-bundle 2","layout":"adapter","files":{},"base":{"files":\#(files)}}"#
  }

  @Test(arguments: ["merged", "adapter"])
  func `a manifest without a model is refused`(layout: String) throws {
    func read(_ names: [String]) throws {
      let entries = names.map { Self.entry($0, []) }
      _ = try BundleManifest(
        json: Array(Self.manifest(entries, layout: layout).utf8), path: "manifest.json")
    }
    try read(["README.md", "model.gguf"])
    try read(["model.safetensors"])
    for names in [[], ["README.md"], ["adapter.gguf", "adapter/adapter_model.safetensors"]] {
      let error = #expect(throws: BundleError.self) { try read(names) }
      let field = layout == "merged" ? "files" : "base.files"
      #expect(error.map { "\($0)" }?.contains(field) == true, "\(names)")
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `what is no file, or of another size, is no part of a bundle`() throws {
    let folder = try TemporaryFolder()
    let model = Array("weights".utf8)
    try Files.write(model, to: folder("model.gguf"))
    try Files.makeFolder(folder("notes"))
    #expect(mkfifo(folder("pipe"), 0o600) == 0)
    let entries =
      [Self.entry("model.gguf", model, size: 9)]
      + ["notes", "pipe"].map { Self.entry($0, []) }
    try Files.write(Self.manifest(entries), to: folder("manifest.json"))
    let problems = try ModelBundle(path: folder.path).problems()
    #expect(problems.count == 3)
    #expect(problems.contains { "\($0)".contains("9 in the manifest, 7 in the file") })
    #expect(problems.count { "\($0)".contains("lacks a file") } == 2)

    let plm = try #require(Places.executable("plm"))
    let result = try Program.run(plm, ["bundle", "verify", folder.path])
    #expect(result.exitCode == 3 && result.output.contains("3 of 3 files are not sound"))
    Files.remove(folder("manifest.json"))
    try Files.makeFolder(folder("manifest.json"))
    #expect(try Program.run(plm, ["bundle", "verify", folder.path]).exitCode == 2)
  }

  @Test func `a checkpoint of llama2.c is opened with the list of pieces beside it`() throws {
    let folder = try TemporaryFolder()
    var model = ByteWriter()
    for value: Int32 in [8, 12, 1, 2, 1, 260, 16] { model.write(value) }
    // Weights, then the tables of cosines and sines.
    let weights = 260 * 8 + 8 + 64 + 32 + 32 + 64 + 8 + 3 * 96 + 8
    for place in 0..<weights + 2 * 16 * 2 { model.write(Float(place % 7) / 8) }
    try Files.write(model.bytes, to: folder("stories.bin"))
    for count in [260, 261] {
      var pieces = ByteWriter()
      pieces.write(Int32(4))
      for id in 0..<count {
        pieces.write(Float(0))
        pieces.write(Int32(4))
        pieces.write(bytes: "p\(100 + id)".utf8)
      }
      try Files.write(pieces.bytes, to: folder("tok\(521 - count).bin"))
    }
    #expect(Files.names(folder.path).sorted().first == "stories.bin")
    let base = try BaseModel(path: folder("stories.bin"))
    #expect(base.positions == 16)
    let plm = try #require(Places.executable("plm"))
    let run = try Program.run(
      plm, ["run", "--model", folder("stories.bin"), "p110", "--tokens", "2"])
    #expect(run.exitCode == 0, "\(run.errors)")
  }
}
