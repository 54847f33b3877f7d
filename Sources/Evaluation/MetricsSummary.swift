public import Bytes

/// Sums up the metrics of many users: the mean of each arm, and how it differs from others, user by
/// user.
///
/// Every user weighs the same, however much they wrote.
public struct MetricsSummary: Sendable {
  /// What is compared, with the name of it in `metrics.json`; less is better of the first two.
  public static let measures = ["loss", "bits_per_byte", "rouge_1", "rouge_l"]

  /// [user][arm][measure].
  private let values: [[String: [String: Double]]]
  private let users: [String]
  private let seed: UInt64

  /// - Parameter metrics: users' names with the content of their `metrics.json`.
  public init(_ metrics: [(user: String, json: JSON)], seed: UInt64) {
    users = metrics.map(\.user)
    self.seed = seed
    values = metrics.map { entry in
      (entry.json["arms"]?.objectValue ?? [:]).mapValues { arm in
        var values: [String: Double] = [:]
        for name in Self.measures { values[name] = arm[name]?.doubleValue }
        return values
      }
    }
  }

  /// The arms that any user has, `base` first, the others by name.
  public var arms: [String] {
    let all = Set(values.flatMap(\.keys)).sorted()
    return all.filter { $0 == "base" } + all.filter { $0 != "base" }
  }

  /// The mean of a measure over the users that have it; nil if none has.
  public func mean(_ arm: String, _ measure: String) -> Double? {
    let all = values.compactMap { $0[arm]?[measure] }
    return all.isEmpty ? nil : all.reduce(0, +) / Double(all.count)
  }

  /// How an arm differs from another, over the users that have both; nil if none has.
  public func difference(
    _ arm: String, from other: String, _ measure: String
  ) -> (bootstrap: PairedBootstrap, better: Int, users: Int)? {
    let differences = values.compactMap { user -> Double? in
      guard let a = user[arm]?[measure], let b = user[other]?[measure] else { return nil }
      return a - b
    }
    guard !differences.isEmpty else { return nil }
    let isLessBetter = measure == "loss" || measure == "bits_per_byte"
    return (
      PairedBootstrap(differences, seed: seed),
      differences.count { isLessBetter ? $0 < 0 : $0 > 0 }, differences.count
    )
  }

  /// - Parameter references: the arms that all others are held against.
  public func json(against references: [String]) -> JSON {
    var result: [String: JSON] = [:]
    for arm in arms {
      var facts: [String: JSON] = [:]
      for measure in Self.measures {
        guard let mean = mean(arm, measure) else { continue }
        var fact: [String: JSON] = ["mean": .double(mean)]
        for other in references where other != arm {
          guard let difference = difference(arm, from: other, measure) else { continue }
          fact["against " + other] = .object([
            "mean": .double(difference.bootstrap.mean), "low": .double(difference.bootstrap.low),
            "high": .double(difference.bootstrap.high), "better": .int(difference.better),
            "users": .int(difference.users),
          ])
        }
        facts[measure] = .object(fact)
      }
      result[arm] = .object(facts)
    }
    return .object(["users": .int(users.count), "arms": .object(result)])
  }

  /// A table a measure, for people.
  public func markdown(against references: [String]) -> String {
    var lines = [
      "Means over \(users.count) users; differences with the interval that holds 95 of 100 "
        + "resamples of the users, and for how many users the arm is better.", "",
    ]
    for measure in Self.measures where arms.contains(where: { mean($0, measure) != nil }) {
      lines.append("| \(measure) | mean | " + references.map { "against \($0) | " }.joined())
      lines.append("|---|--:|" + references.map { _ in "---|" }.joined())
      for arm in arms {
        guard let mean = mean(arm, measure) else { continue }
        let cells = references.map { other -> String in
          guard other != arm, let found = difference(arm, from: other, measure) else { return "" }
          let interval = found.bootstrap
          return "\(Self.signed(interval.mean)) [\(Self.signed(interval.low)), "
            + "\(Self.signed(interval.high))] · \(found.better) of \(found.users)"
        }
        lines.append("| \(arm) | \(Self.fixed(mean)) | " + cells.map { $0 + " | " }.joined())
      }
      lines.append("")
    }
    return lines.joined(separator: "\n")
  }

  private static func signed(_ value: Double) -> String {
    value < 0 ? "−" + fixed(-value) : "+" + fixed(value)
  }

  /// Four decimals; a dash for what is no number.
  private static func fixed(_ value: Double) -> String {
    guard abs(value) < 1e12 else { return "–" }
    let parts = Int((value * 10_000).rounded())
    let rest = "\(parts % 10_000)"
    return "\(parts / 10_000)." + String(repeating: "0", count: 4 - rest.count) + rest
  }
}
