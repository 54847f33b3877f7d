import Bytes
import Formats
import ObjectStore
import TestKit
import Testing

/// Runs a stage by hand on the reference cases.
enum StageRun {
  /// Runs a stage and returns its outputs.
  static func outputs(
    _ stage: String, _ store: TemporaryStore, _ inputs: [String: String], _ settings: [String]
  ) throws -> [String: Digest] {
    let result = try run(stage, store, inputs, settings)
    try #require(result.exitCode == 0, "\(result.errors)")
    let outputs = try JSON(parsing: Array(result.lastLine.utf8))["outputs"]?.objectValue ?? [:]
    return outputs.compactMapValues { $0.stringValue.flatMap { Digest($0) } }
  }

  /// Runs a stage, however it ends.
  static func run(
    _ stage: String, _ store: TemporaryStore, _ inputs: [String: String], _ settings: [String]
  ) throws -> ProgramResult {
    let program = try #require(Places.executable(stage))
    var arguments = ["--store", store.path]
    for (name, value) in inputs.sorted(by: { $0.key < $1.key }) {
      arguments += ["--in", "\(name)=\(value)"]
    }
    for setting in settings { arguments += ["--set", setting] }
    return try Program.run(program, arguments)
  }

  static func folder(_ name: String) -> String { "\(Places.root)/Tests/Fixtures/reference/\(name)" }

  /// A case's samples without their padding.
  static func samples(_ name: String) throws -> [TokenSample] {
    let forward = try SafetensorsFile(MappedFile(path: "\(folder(name))/forward.safetensors"))
    let ids = try forward.tensor("input_ids").int32s()
    let labels = try forward.tensor("labels").int32s()
    let mask = try forward.tensor("attention_mask").int32s()
    return (0..<3).map { row in
      let columns = (row * 24..<(row + 1) * 24).filter { mask[$0] != 0 }
      return TokenSample(ids: columns.map { ids[$0] }, labels: columns.map { labels[$0] })
    }
  }

  /// The same as a tokens file.
  static func tokens(_ name: String) throws -> [UInt8] { TokenFile.bytes(try samples(name)) }
}
