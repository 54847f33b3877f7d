import ArgumentParser
import Bytes
import Foundation
import PersonalLM

/// Looks at bundles that were copied out.
struct BundleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bundle", abstract: "Checks a bundle, or says what it is.",
    subcommands: [Verify.self, Info.self])

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify", abstract: "Checks every file of a bundle against its manifest.",
      discussion: "Ends with 3 where a file is missing or damaged.")

    @Argument(help: "The bundle's folder.")
    var path: String

    @Flag(help: "Prints JSON.")
    var json = false

    mutating func run() throws {
      let bundle = try ModelBundle(path: CommonOptions.absolute(path))
      let problems = bundle.problems()
      let count = bundle.paths.count + bundle.basePaths.count
      if json {
        Terminal.write(
          [
            "files": .int(count), "problems": .array(problems.map { .string("\($0)") }),
          ] as JSON)
      } else {
        for problem in problems { Terminal.complain("plm: \(problem)") }
        if problems.isEmpty {
          Terminal.write("\(path): \(count) files, as the manifest says\n")
        } else {
          Terminal.write("\(path): \(problems.count) of \(count) files are not sound\n")
        }
      }
      if !problems.isEmpty { throw ExitCode(Ending.damaged) }
    }
  }

  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "info",
      abstract: "Says what a bundle is, what it was made from and what it ships."
    )

    @Argument(help: "The bundle's folder.")
    var path: String

    @Flag(help: "Prints JSON.")
    var json = false

    mutating func run() throws {
      let bundle = try ModelBundle(path: CommonOptions.absolute(path))
      let manifest = bundle.manifest
      let own = manifest.files.reduce(0) { $0 + $1.bytes }
      let shared = manifest.baseFiles.reduce(0) { $0 + $1.bytes }
      if json {
        var members = manifest.json.objectValue ?? [:]
        members["layout"] = .string(manifest.layout.rawValue)
        members["ships"] = .string(manifest.ships.rawValue)
        members["bytes"] = .int(own)
        members["base_bytes"] = .int(shared)
        Terminal.write(.object(members))
        return
      }
      func text(_ value: JSON?) -> String { value?.stringValue ?? value?.text ?? "–" }
      var rows = [
        ["layout", manifest.layout.rawValue],
        ["ships", manifest.ships.rawValue],
        ["base", text(manifest.json["base"]?["name"])],
        ["type", text(manifest.json["model"]?["type"])],
        ["weights", text(manifest.json["model"]?["weights"])],
        ["size", Terminal.size(own)],
      ]
      if shared > 0 {
        rows.append(["shared base", "\(manifest.baseFolder ?? ""), \(Terminal.size(shared))"])
      }
      if let reason = manifest.json["gate"]?["reason"]?.stringValue {
        rows.append(["gate", reason])
      }
      Terminal.write(Terminal.table(rows))
    }
  }
}
