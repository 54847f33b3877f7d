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

  @Argument(
    help: "USER/NODE, a node that is of no user, the key of an action or a digest it gave.")
  var target: String

  mutating func run() throws {
    let cache = try common.openCache()
    let reference = try Reference(target, in: cache, user: common.user)
    var record = try reference.action(of: target, in: cache)
    if let node = reference.node {
      // A later attempt that failed is the last that printed.
      record = try cache.state(user: node.user, node: node.node).failure ?? record
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
