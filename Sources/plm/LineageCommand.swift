import ActionCache
import ArgumentParser
import Bytes

struct LineageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lineage",
    abstract: "Follows an artifact back to the source files, action by action.")

  @OptionGroup var common: CommonOptions

  @Argument(
    help:
      "A digest or a prefix of one, USER/NODE or USER/NODE.OUTPUT; with /FILE for one of a tree."
  )
  var artifact: String

  mutating func run() throws {
    let cache = try common.openCache()
    let reference = try Reference(artifact, in: cache, user: common.user)
    var walk = try LineageWalk(cache)
    if let file = reference.file {
      try walk.file(
        file, try reference.digest(of: artifact, in: cache.store), of: reference, user: common.user)
    } else {
      switch reference.subject {
      case .object(let digest): try walk.start(at: digest, user: common.user)
      case .output(let record, let name, let digest):
        walk.name(digest, name, depth: 0)
        try walk.follow(record, for: reference.node?.user, depth: 1)
      case .action(let record), .failure(let record):
        try walk.follow(record, for: reference.node?.user, depth: 0)
      }
    }
    if common.json {
      Terminal.write(["actions": .array(walk.actions), "sources": .array(walk.sources)] as JSON)
    } else {
      Terminal.write(walk.text)
    }
  }
}
