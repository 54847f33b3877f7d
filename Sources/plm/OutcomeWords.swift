import Bytes
import Graph
import Resolver

extension Outcome {
  /// The outcome as `--json` prints it.
  var json: JSON {
    var members: [String: JSON] = [
      "node": .string(node), "target": .string(target), "status": .string(status.rawValue),
      "inputs": .object(inputs.mapValues { .string($0.description) }),
      "outputs": .object(outputs.mapValues { .string($0.description) }),
      "reasons": .array(reasons.map(\.json)),
    ]
    members["user"] = user.map(JSON.string)
    members["key"] = key.map { .string($0.description) }
    members["message"] = message.map(JSON.string)
    if exit != 0 { members["exit"] = .int(Int(exit)) }
    if status == .ran || status == .failed { members["seconds"] = .double(seconds) }
    if !warnings.isEmpty { members["warnings"] = .array(warnings.map(JSON.string)) }
    return .object(members)
  }

  /// The status in words: of a dry run, what would be.
  var words: String {
    switch status {
    case .fresh: "up to date"
    case .adopted: "found in the store"
    case .ran: "ran"
    case .failed: "failed"
    case .blocked: "blocked by \(message ?? "")"
    case .planned: "would run"
    case .interrupted: "interrupted"
    }
  }
}

/// Counts outcomes.
struct Tally {
  private var counts: [Outcome.Status: Int] = [:]
  private(set) var exits: Set<Int32> = []

  init(_ outcomes: [Outcome] = []) { for outcome in outcomes { add(outcome) } }

  mutating func add(_ outcome: Outcome) {
    counts[outcome.status, default: 0] += 1
    if outcome.status == .failed { exits.insert(outcome.exit) }
  }

  subscript(status: Outcome.Status) -> Int { counts[status] ?? 0 }

  private static let order: [(Outcome.Status, String)] = [
    (.ran, "ran"), (.planned, "would run"), (.adopted, "found in the store"),
    (.fresh, "up to date"), (.failed, "failed"), (.blocked, "blocked"),
    (.interrupted, "interrupted"),
  ]

  var words: String {
    let parts = Self.order.filter { self[$0.0] > 0 }.map { "\(self[$0.0]) \($0.1)" }
    return parts.isEmpty ? "nothing to do" : parts.joined(separator: ", ")
  }

  var json: JSON {
    .object(Dictionary(uniqueKeysWithValues: Self.order.map { ($0.0.rawValue, .int(self[$0.0])) }))
  }

  /// The exit code where several apply: 130, 3, 1, 75.
  var exitCode: Int32 {
    if self[.interrupted] > 0, exits.isEmpty { return Ending.interrupted }
    if exits.contains(3) { return Ending.damaged }
    if exits.contains(where: { $0 != 75 }) { return Ending.failed }
    return exits.isEmpty ? Ending.done : Ending.later
  }
}
