import Bytes
import StageKit

/// A small stage that runs within the tests.
enum Count: Stage {
  static let name = "count"
  static let version = 3
  static let summary = "Counts the lines of a text."

  static let least = Parameter("least", default: 1, in: 0...1_000_000, help: "Shortest line.")
  static let share = Parameter("share", default: 0.25, in: 0...1, help: "Is written down.")
  static let style = Parameter("style", default: "plain", oneOf: ["plain", "fancy"], help: "How.")
  static let title = Parameter("title", default: "", help: "Is written down.")
  static let strict = Parameter("strict", default: false, help: "Fails on an empty text.")
  static let threads = Parameter(
    "threads", default: 0, in: 0...64, help: "0 = all cores.", execution: true)

  static let inputs = [
    Input("text", kind: "text", help: "What is counted."),
    Input("extra", kind: "text", optional: true, help: "Is counted too."),
  ]
  static let outputs = [
    Output("count", kind: "text", help: "The number of lines."),
    Output("lines", kind: "lines", optional: true, help: "The lines themselves."),
  ]
  static let parameters: [any ParameterDeclaration] = [
    least, share, style, title, strict, threads,
  ]
  static let secrets = ["COUNT_KEY"]
  static let resources = Resources(cores: 2, memory: 1 << 30)

  struct Empty: StageFailure, CustomStringConvertible {
    let exitCode: Int32 = 75
    var description: String { "an empty text · text · write something" }
  }

  static func run(_ context: StageContext) async throws {
    let input = try context.input("text")
    var lines: [Substring] = []
    for path in input.isTree ? input.paths : [""] {
      lines += try input.text(path).split(separator: "\n")
    }
    if let extra = context.optionalInput("extra") {
      lines += try extra.text().split(separator: "\n")
    }
    context.progress(["lines": .int(lines.count)])
    if context[strict], lines.isEmpty { throw Empty() }
    let kept = lines.filter { $0.count >= context[least] }
    let folder = try context.workFolder
    context.log("checkpoints in \(folder.isEmpty ? "nowhere" : "a folder")")
    try context.output("count").write(
      text: "\(kept.count) \(context[share]) \(context[style]) \(context[title])\n")
    if context[style] == "fancy" {
      let writer = try context.output("lines").writer("kept.txt")
      for line in kept { try writer.write(line + "\n") }
      try writer.finish()
      try context.output("lines").link("all/text.txt", to: input)
    }
  }
}
