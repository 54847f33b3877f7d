import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import ObjectStore

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows an artifact in a form that suits its kind, or an action.")

  @OptionGroup var common: CommonOptions

  @Argument(
    help:
      "A digest or a prefix of one, USER/NODE or USER/NODE.OUTPUT; with /FILE for one of a tree.")
  var artifact: String

  @Option(name: .shortAndLong, help: "How many lines, records or entries at most.")
  var limit = 20

  mutating func validate() throws {
    guard (0...1_000_000).contains(limit) else {
      throw ValidationError("--limit must be from 0 to 1000000")
    }
  }

  mutating func run() throws {
    let cache = try common.openCache()
    let reference = try Reference(artifact, in: cache, user: common.user)
    if reference.file == nil {
      switch reference.subject {
      case .action(let record), .failure(let record):
        show(record)
        return
      case .object, .output: break
      }
    }
    let digest = try reference.digest(of: artifact, in: cache.store)
    let view = try ArtifactView(digest, in: cache.store, limit: limit)
    if common.json { Terminal.write(view.json) } else { Terminal.write(view.text) }
  }

  private func show(_ record: ActionRecord) {
    if common.json {
      Terminal.write(record.json)
      return
    }
    var rows = [
      ["stage", "\(record.stage) (version \(record.version))"], ["key", record.key.description],
      ["ended", "\(record.end), after \(Terminal.time(record.end.seconds(since: record.start)))"],
    ]
    if let kernels = record.kernels { rows.append(["kernels", kernels]) }
    if !record.succeeded {
      rows.append(["failed", "exit \(record.exit): \(record.message ?? "")"])
    }
    for (name, digest) in record.inputs.sorted(by: { $0.key < $1.key }) {
      rows.append(["in \(name)", digest.description])
    }
    for (name, value) in record.parameters.sorted(by: { $0.key < $1.key }) {
      rows.append(["set \(name)", value.plain])
    }
    for (name, digest) in record.outputs.sorted(by: { $0.key < $1.key }) {
      rows.append(["out \(name)", digest.description])
    }
    Terminal.write(Terminal.table(rows))
  }
}
