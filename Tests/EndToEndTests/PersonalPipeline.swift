import Bytes
import Foundation
import TestKit

/// Owns a small user and a store, and builds them with the real stages and the embedded base.
final class PersonalPipeline {
  let folder: TemporaryFolder
  private let plm: String

  /// Every stage in little: one epoch, a few samples.
  static let settings = [
    "train.epochs=1", "train-real.epochs=1", "train.rank=2", "train-real.rank=2",
    "synthesize.count=4", "evaluate.examples=1", "evaluate.example_tokens=8",
  ]

  init() throws {
    plm = try Workshop.executable()
    folder = try TemporaryFolder()
    let texts = [
      "rain", "bees", "hives", "clay", "ropes", "tide", "bread", "nails", "wool", "seeds", "ash",
      "honey", "slate", "gulls",
    ]
    for (i, word) in texts.enumerated() {
      try note(
        "\(word).md", day: i + 1,
        "Looked after the \(word) today. \(i + 3) hours of it, "
          + "mostly bent double. The \(word) did not thank me, nor did anyone, and supper was late."
      )
    }
  }

  func note(_ name: String, day: Int, _ text: String) throws {
    let date = "2024-03-" + (day < 10 ? "0\(day)" : "\(day)")
    try Files.write("---\ndate: \(date)\n---\n\n\(text)\n", to: folder("users/ada/\(name)"))
  }

  func start(_ verb: String, _ more: [String] = [], store: String = "store") throws
    -> RunningProgram
  {
    var arguments = [verb, "--store", folder(store), "--users", folder("users")]
    arguments += ["--pipeline", "\(Places.root)/Pipelines/personal.yaml", "--progress", "plain"]
    for setting in Self.settings { arguments += ["--set", setting] }
    return try RunningProgram(plm, arguments + more, in: folder.path)
  }

  func run(_ verb: String, _ more: [String] = [], store: String = "store") throws -> ProgramResult {
    try start(verb, more, store: store).wait(seconds: 600)
  }

  /// How each target came out of a build: its status and outputs.
  func build(_ more: [String] = [], store: String = "store") throws -> [String: Outcome] {
    let result = try run("build", ["--json"] + more, store: store)
    guard result.exitCode == 0 else { throw PipelineFailure(words: result.errors) }
    let json = try JSON(parsing: Array(result.output.utf8))
    var outcomes: [String: Outcome] = [:]
    for item in json["outcomes"]?.arrayValue ?? [] {
      outcomes[item["target"]?.stringValue ?? ""] = Outcome(
        status: item["status"]?.stringValue ?? "", inputs: item["inputs"]?.text ?? "",
        outputs: item["outputs"]?.text ?? "")
    }
    return outcomes
  }

  /// The process that runs a stage on a store.
  static func process(of stage: String, store: String) -> Int32? {
    for name in Files.names("/proc") {
      guard let id = Int32(name), let bytes = try? Files.read("/proc/\(name)/cmdline") else {
        continue
      }
      let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      if words.first?.hasSuffix("/\(stage)") == true, words.contains(store) { return id }
    }
    return nil
  }

  struct Outcome: Equatable {
    let status: String
    let inputs: String
    let outputs: String
  }
}

struct PipelineFailure: Error { let words: String }
