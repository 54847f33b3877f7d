import Bytes
import ObjectStore
import TestKit
import Testing

/// Runs stages by hand in a store of their own.
struct StageRunner {
  let home: TemporaryStore

  init() throws { home = try TemporaryStore() }

  /// Runs a stage; its inputs are digests or paths.
  func run(
    _ stage: String, _ inputs: KeyValuePairs<String, String>,
    set: KeyValuePairs<String, String> = [:]
  ) throws -> ProgramResult {
    let path = try #require(Places.executable(stage), "\(stage) is not built")
    var arguments = ["--store", home.path]
    for (name, value) in inputs { arguments += ["--in", "\(name)=\(value)"] }
    for (name, value) in set { arguments += ["--set", "\(name)=\(value)"] }
    return try Program.run(path, arguments)
  }

  /// Runs a stage that must succeed, and returns its outputs.
  func outputs(
    _ stage: String, _ inputs: KeyValuePairs<String, String>,
    set: KeyValuePairs<String, String> = [:]
  ) throws -> [String: Digest] {
    let result = try run(stage, inputs, set: set)
    #expect(result.exitCode == 0, "\(result.errors)")
    var digests: [String: Digest] = [:]
    for (name, value) in try JSON(parsing: result.lastLine)["outputs"]?.objectValue ?? [:] {
      digests[name] = value.stringValue.flatMap { Digest($0) }
    }
    return digests
  }

  /// A file of an output.
  func file(_ digest: Digest?, _ path: String) throws -> MappedFile {
    let tree = try home.store.tree(try #require(digest))
    return try home.store.map(try #require(tree[path]).digest)
  }
}
