import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import ObjectStore

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Shows what an action last printed.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "USER/NODE, or a node that is of no user.")
  var target: String

  mutating func run() throws {
    let cache = try common.openCache()
    let reference = try Reference(target, in: cache, user: common.user)
    let record: ActionRecord
    switch reference.subject {
    case .object:
      throw UsageProblem(
        "\(target) is an artifact; plm lineage \(target) says which action made it")
    case .failure(let failed): record = failed
    case .action(let done), .output(let done, _, _):
      // A later attempt that failed is the last that printed.
      let place = reference.place
      record =
        try cache.state(user: place?.user, node: place?.node ?? done.node).failure ?? done
    }
    let path = "\(cache.store.path)/\(record.log)"
    let text = FileManager.default.contents(atPath: path)
    if common.json {
      Terminal.write(
        [
          "action": record.json,
          "text": text.map { .string(String(decoding: $0, as: UTF8.self)) } ?? .null,
        ] as JSON)
      return
    }
    guard let text else { throw UsageProblem("\(target) has no log any more (\(path))") }
    Terminal.write(text)
  }
}
