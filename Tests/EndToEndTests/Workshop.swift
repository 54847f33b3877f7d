import Bytes
import Foundation
import TestKit

/// Owns a store, users and a pipeline of shell commands, and calls the real plm on them.
final class Workshop {
  let folder: TemporaryFolder
  let plm: String

  /// Three nodes and a gather; every run of a node leaves a line in `runs`.
  static let pipeline = """
    version: 1
    sources: { base: base.txt, history: "{user.source}" }
    nodes:
      take:
        command: [sh, step.sh, take, "{in.source}", "{out.text}"]
        in: { source: history }
        out: [text]
      make:
        command: [sh, step.sh, make, "{in.text}", "{out.made}", "{in.base}"]
        in: { text: take.text, base: base }
        out: [made]
      last:
        command: [sh, step.sh, last, "{in.made}", "{out.end}"]
        in: { made: make.made }
        out: [end]
      all:
        command: [sh, step.sh, all, "{in.parts}", "{out.sum}"]
        scope: gather
        in: { parts: "*.last.end" }
        out: [sum]
    """

  init(users: [String: String] = ["ann": "one", "bob": "two"], in place: String? = nil) throws {
    plm = try Self.executable()
    folder = try TemporaryFolder(in: place)
    try Files.write(Self.pipeline, to: folder("p.yaml"))
    try Files.write("base\n", to: folder("base.txt"))
    // A little slow, so that a kill finds something running; it writes in two steps.
    try Files.write(
      """
      echo "$1" >> "\(folder("runs"))"
      if grep -rq fail "$2"; then echo "this text fails" >&2; exit 1; fi
      echo "$1:" > "$3"
      sleep ${PLM_THREADS:-0}
      (cd "$2" 2>/dev/null && find . -type f | LC_ALL=C sort | xargs cat || cat "$2") >> "$3"
      if [ -n "$4" ]; then cat "$4" >> "$3"; fi
      echo "done $1" >&2

      """, to: folder("step.sh"))
    for (name, text) in users { try Files.write(text + "\n", to: folder("users/\(name)/text.txt")) }
  }

  static func executable() throws -> String {
    guard let plm = Places.executable("plm") else { throw WorkshopError.noExecutable }
    return plm
  }

  var arguments: [String] {
    ["--pipeline", folder("p.yaml"), "--store", folder("store"), "--progress", "plain"]
  }

  /// Runs plm with the store and pipeline of the workshop.
  func run(
    _ verb: String, _ more: [String] = [], users: String? = "users", store: String? = nil,
    environment: [String: String] = [:], seconds: Double = 60
  ) throws -> ProgramResult {
    try start(verb, more, users: users, store: store, environment: environment).wait(
      seconds: seconds)
  }

  func start(
    _ verb: String, _ more: [String] = [], users: String? = "users", store: String? = nil,
    environment: [String: String] = [:]
  ) throws -> RunningProgram {
    let place = users.map { ["--users", $0.hasPrefix("/") ? $0 : folder($0)] } ?? []
    let common = [
      "--pipeline", folder("p.yaml"), "--store", store ?? folder("store"), "--progress", "plain",
    ]
    return try RunningProgram(
      plm, verb.split(separator: " ").map(String.init) + common + place + more,
      environment: environment, in: folder.path)
  }

  /// The nodes that ran since last asked, sorted.
  func ran() throws -> [String] {
    let text = (try? Files.text(folder("runs"))) ?? ""
    Files.remove(folder("runs"))
    return text.split(separator: "\n").map(String.init).sorted()
  }

  /// The outputs of every target, as JSON.
  func digests(store: String? = nil) throws -> [String: JSON] {
    let result = try run("status", ["--json"], store: store)
    let json = try JSON(parsing: result.output)
    return Dictionary(
      (json["outcomes"]?.arrayValue ?? []).map {
        ($0["target"]?.stringValue ?? "", $0["outputs"] ?? .null)
      },
      uniquingKeysWith: { first, _ in first })
  }
}

enum WorkshopError: Error {
  case noExecutable
}
