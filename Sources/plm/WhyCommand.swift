import ActionCache
import ArgumentParser
import Bytes
import Graph
import Resolver

struct WhyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Gives the reason a node is stale or fresh, old and new value side by side.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "A user, a node (for all users), or USER/NODE.")
  var target: String

  mutating func run() async throws {
    let (cache, place) = try common.openLook()
    defer { withExtendedLifetime(place) {} }
    let setup = try await common.setUp(cache)
    let target = try setup.targets([target], user: common.user)
    let outcomes = try await DryLook(setup).outcomes(target).filter { outcome in
      target.contains { Self.means($0, outcome) }
    }
    var lines: [JSON] = []
    for outcome in outcomes {
      let state = try cache.state(user: outcome.user, node: outcome.node)
      if common.json {
        var json = outcome.json.objectValue ?? [:]
        json["last_action"] = state.action?.json
        json["last_failure"] = state.failure?.json
        lines.append(.object(json))
        continue
      }
      Terminal.write("\(outcome.target): \(outcome.staleness)\n")
      Terminal.write(Self.table(outcome.reasons, indent: "  "))
      if let message = outcome.message { Terminal.write("  \(message)\n") }
      if let action = state.action { Terminal.write(Self.past(action)) }
      if let failure = state.failure {
        Terminal.write(
          "  failed \(failure.end) with exit \(failure.exit): \(failure.message ?? "")\n")
      }
    }
    if common.json { Terminal.write(JSON.array(lines)) }
  }

  private static func means(_ target: Target, _ outcome: Outcome) -> Bool {
    switch target {
    case .user(let user): outcome.user == user
    case .node(let node): outcome.node == node
    case .userNode(let user, let node): outcome.user == user && outcome.node == node
    }
  }

  /// Says when and why the node last ran.
  private static func past(_ action: ActionRecord) -> String {
    let reasons = action.reasons.compactMap { Reason($0) }
    let seconds = action.end.seconds(since: action.start)
    return
      "  its result is from \(action.end), after \(Terminal.time(seconds)); it ran then because:\n"
      + table(reasons, indent: "    ")
  }

  /// Reasons with the old and the new value side by side, in full.
  private static func table(_ reasons: [Reason], indent: String) -> String {
    reasons.map { reason in
      var text = "\(indent)\(reason)\n"
      if reason.old.map({ Digest($0) }) != nil || reason.new.map({ Digest($0) }) != nil {
        text += "\(indent)  old \(reason.old ?? "none")\n\(indent)  new \(reason.new ?? "none")\n"
      }
      return text
    }.joined()
  }
}
