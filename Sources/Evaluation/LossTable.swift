public import Bytes

/// Stores test losses of every adapter (rows) on every user's text (columns).
public struct LossTable: Sendable {
  /// The users, in the order of rows and columns.
  public let users: [String]
  /// The base's loss on each user's text.
  public var base: [Double]
  /// [whose adapter][whose text].
  public var losses: [[Double]]

  public init(users: [String]) {
    self.users = users
    base = Array(repeating: 0, count: users.count)
    losses = Array(repeating: base, count: users.count)
  }

  /// The row with the lowest loss on a column's text; one that is no number is never the lowest.
  public func best(column: Int) -> Int {
    func loss(_ row: Int) -> Double {
      losses[row][column].isNaN ? .infinity : losses[row][column]
    }
    return users.indices.min { loss($0) < loss($1) } ?? 0
  }

  /// How many users are served best by their own adapter.
  public var ownBest: Int { users.indices.count { best(column: $0) == $0 } }

  public var json: JSON {
    .object([
      "users": .array(users.map { .string($0) }),
      "base": .array(base.map { .double($0) }),
      "losses": .array(losses.map { .array($0.map { .double($0) }) }),
      "own_best": .int(ownBest),
    ])
  }

  /// A table for people: the best of each column in bold.
  public var markdown: String {
    func cell(_ row: Int, _ column: Int) -> String {
      let text = Self.fixed(losses[row][column])
      return best(column: column) == row ? "**\(text)**" : text
    }
    let columns = users.indices.map { "\($0 + 1)" }.joined(separator: " | ")
    var lines = [
      "Test loss (nats per token): row = whose adapter, column = whose text.", "",
      "| adapter | \(columns) |", "|---|\(String(repeating: "--:|", count: users.count))",
      "| (base) | \(base.map(Self.fixed).joined(separator: " | ")) |",
    ]
    for row in users.indices {
      let cells = users.indices.map { cell(row, $0) }.joined(separator: " | ")
      lines.append("| \(row + 1) \(users[row]) | \(cells) |")
    }
    lines += ["", "Own adapter best of its column: \(ownBest) of \(users.count).", ""]
    return lines.joined(separator: "\n")
  }

  /// Three decimals, rounded half away from zero; a dash for what is no number.
  static func fixed(_ value: Double) -> String {
    guard abs(value) < 1e12 else { return "–" }
    let thousandths = Int((value * 1000).rounded())
    let rest = "\(abs(thousandths) % 1000)"
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
