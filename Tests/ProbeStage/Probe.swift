import Bytes
import StageKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A stage for tests of what surrounds stages: it copies its input, and misbehaves on demand.
@main enum Probe: Stage {
  static let name = "probe"
  static let version = 1
  static let summary = "Copies a text some times over, or fails as asked."

  static let times = Parameter("times", default: 1, in: 0...1000, help: "How often it is copied.")
  static let scale = Parameter("scale", default: 0.5, in: 0...1, help: "Is passed on.")
  static let mood = Parameter(
    "mood", default: "good",
    oneOf: ["good", "fail", "crash", "hang", "silent", "chatty", "hold", "obey"],
    help: "How the run ends.")
  static let threads = Parameter(
    "threads", default: 0, in: 0...64, help: "Is ignored.", execution: true)

  static let inputs = [
    Input("text", kind: "text", help: "A file, or a folder of files."),
    Input("more", kind: "text", optional: true, help: "Is appended."),
  ]
  static let outputs = [
    Output("copy", kind: "text", help: "The copy."),
    Output("notes", kind: "tree", optional: true, help: "Written if times is 2 or more."),
  ]
  static let parameters: [any ParameterDeclaration] = [times, scale, mood, threads]
  static let secrets = ["PROBE_SECRET"]

  /// Ends the run as a disk that is full would.
  struct Failure: StageFailure, CustomStringConvertible {
    let exitCode: Int32 = 75
    var description: String { "asked to fail · mood=fail · ask for another mood" }
  }

  static func run(_ context: StageContext) async throws {
    let text = try context.input("text")
    var content: [UInt8] = []
    for path in text.isTree ? text.paths : [""] { content += try text.read(path) }
    let order = String(decoding: content.filter { $0 > 32 }, as: UTF8.self)
    if let more = context.optionalInput("more") { content += try more.read() }
    context.progress(["copies": .int(context[times]), "scale": .double(context[scale])])
    switch context[mood] {
    case "fail": throw Failure()
    case "crash": kill(getpid(), SIGKILL)
    case "hang": sleep(600)
    case "silent": return
    case "obey": try obey(order, context)
    case "chatty": print("a line that a library prints by itself")
    case "hold":
      let mark = try context.workFolder + "/mark"
      let taken = open(mark, O_CREAT | O_EXCL | O_WRONLY, 0o600)
      context.log(taken >= 0 ? "alone" : "not alone")
      usleep(300_000)
      unlink(mark)
    default: break
    }
    let copies = [[UInt8]](repeating: content, count: context[times])
    try context.output("copy").write(Array(copies.joined()))
    if context[times] > 1 {
      try context.output("notes").write("times.txt", text: "\(context[times])\n")
      try context.output("notes").write(
        "secret/known.txt", text: "\(context.secret("PROBE_SECRET") != nil)\n")
    }
  }

  /// Does what the text says; else tells who runs, and loads what the last action may have kept.
  private static func obey(_ order: String, _ context: StageContext) throws {
    switch order {
    case "crash": kill(getpid(), SIGKILL)
    case "leave": exit(0)
    case "fail": throw Refusal()
    default: break
    }
    let base = try context.optionalInput("more") ?? context.input("text")
    let size = try context.keep("base", for: base.digest) {
      context.log("loading")
      return try base.size()
    }
    context.log("\(order) and \(size) bytes, process \(getpid())")
  }

  struct Refusal: Error, CustomStringConvertible {
    var description: String { "asked to fail · the text · write another" }
  }
}
