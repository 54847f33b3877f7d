import ActionCache
import ArgumentParser
import Bytes
import Graph

struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Lists the builds, or the actions of one node, newest first.")

  @OptionGroup var common: CommonOptions

  @Argument(
    help: "USER/NODE, a node that is of no user, or a digest it gave; the builds if there is none.")
  var target: String?

  @Option(name: .shortAndLong, help: "How many to list at most.")
  var limit = 20

  mutating func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit must not be negative") }
  }

  mutating func run() throws {
    let cache = try common.openCache()
    guard let target else {
      try listBuilds(cache)
      return
    }
    let reference = try Reference(target, in: cache, user: common.user)
    let place = try reference.node ?? reference.action(of: target, in: cache).place
    let records = try cache.history(user: place.user, node: place.node, limit: limit)
    if common.json {
      Terminal.write(JSON.array(records.map(\.json)))
      return
    }
    if records.isEmpty, let standing = try cache.state(user: place.user, node: place.node).action {
      let owner = UserName.target(user: standing.user, node: standing.node)
      Terminal.write("\(target) never ran: the result of \(owner), of \(standing.end), serves it\n")
    }
    for record in records {
      let seconds = Terminal.time(record.end.seconds(since: record.start))
      let how = record.succeeded ? "ran" : "failed (exit \(record.exit)): \(record.message ?? "")"
      Terminal.write("\(record.end)  \(record.key.short)  \(how), \(seconds)\n")
      for reason in record.reasons.compactMap({ Reason($0) }) { Terminal.write("  \(reason)\n") }
      for (name, digest) in record.outputs.sorted(by: { $0.key < $1.key }) {
        Terminal.write("  \(name) \(digest)\n")
      }
    }
  }

  private func listBuilds(_ cache: ActionCache) throws {
    let builds = try cache.builds(limit: limit)
    let damage = try cache.damage(limit: limit)
    if common.json {
      let lines = zip(builds, damage).map { build, damaged in
        var json = build.json.objectValue ?? [:]
        if !damaged.isEmpty { json["damaged"] = .array(damaged.map(\.json)) }
        return JSON.object(json)
      }
      Terminal.write(JSON.array(lines))
      return
    }
    Terminal.write(
      Terminal.table(
        builds.map {
          [
            $0.start.description, $0.pipeline, $0.users ?? "", $0.targets.joined(separator: " "),
            $0.settings.joined(separator: " "),
          ]
        }))
    for record in damage.joined() {
      Terminal.write("\(record.time)  \(record.object) was found damaged: \(record.why)\n")
    }
  }
}
