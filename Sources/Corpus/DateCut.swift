/// Cuts dated groups into an older, a newer and a newest side.
struct DateCut {
  let sides: [Side: [Division.Group]]
  let order: Order

  /// How dates are compared, in order of preference.
  enum Order: String, CaseIterable {
    /// Every date of a side is a later day than all of the sides before.
    case day = "by day"
    /// Every date of a side is later than all of the sides before.
    case instant = "by time"
    /// Groups overlap in time and are ordered by their newest day.
    case newestDay = "by each group's newest day"
    /// Groups overlap in time and are ordered by their newest date.
    case newestInstant = "by each group's newest time"

    fileprivate var usesDays: Bool { self == .day || self == .newestDay }
    fileprivate var isStrict: Bool { self == .day || self == .instant }
  }

  /// Cuts so that the history is as large as it can be; nil if there is no such cut.
  init?(_ groups: [Division.Group], least: Int) {
    for leastHistory in least > 1 ? [least, 1] : [1] {
      for order in Order.allCases {
        let units = Self.units(of: groups, order)
        guard let (first, second) = Self.cut(units, least, leastHistory) else { continue }
        self.order = order
        sides = [
          .history: units[..<first].flatMap(\.groups),
          .validation: units[first..<second].flatMap(\.groups),
          .test: units[second...].flatMap(\.groups),
        ]
        return
      }
    }
    return nil
  }

  /// Stores groups that cannot be told apart by date.
  struct Unit {
    var groups: [Division.Group]
    var low: String
    var high: String
    var weight: Int { groups.reduce(0) { $0 + $1.weight } }
  }

  /// The units of some groups, oldest first.
  static func units(of groups: [Division.Group], _ order: Order) -> [Unit] {
    let spans = groups.map { group in
      group.dates.map { Span(order.usesDays ? String($0.prefix(10)) : $0) }.sorted()
    }
    var units = (order.isStrict ? overlapping(spans) : sharing(spans)).map { members in
      let dates = members.flatMap { spans[$0] }
      return Unit(
        groups: members.map { groups[$0] }, low: dates.map(\.low).min() ?? "",
        high: dates.map(\.high).max() ?? "")
    }
    units.sort { ($0.high, $0.low, $0.groups[0].name) < ($1.high, $1.low, $1.groups[0].name) }
    return units
  }

  /// Stores the time that a date may mean: `1815` is any day of that year.
  private struct Span: Comparable {
    let low: String
    let high: String

    /// `~` sorts after everything that a more exact date could go on with.
    init(_ date: String) {
      low = date
      high = date + "~"
    }

    static func < (a: Span, b: Span) -> Bool { (a.low, a.high) < (b.low, b.high) }
  }

  /// Gathers groups whose times from oldest to newest overlap.
  private static func overlapping(_ spans: [[Span]]) -> [[Int]] {
    let ranges = spans.enumerated().map { at, dates in
      (at: at, low: dates.map(\.low).min() ?? "", high: dates.map(\.high).max() ?? "")
    }.sorted { ($0.low, $0.high, $0.at) < ($1.low, $1.high, $1.at) }
    var result: [[Int]] = []
    var end = ""
    for range in ranges {
      if result.isEmpty || range.low > end {
        result.append([range.at])
      } else {
        result[result.count - 1].append(range.at)
      }
      end = max(end, range.high)
    }
    return result
  }

  /// Gathers groups that share a date.
  private static func sharing(_ spans: [[Span]]) -> [[Int]] {
    var parent = Array(spans.indices)
    func root(_ at: Int) -> Int {
      var at = at
      while parent[at] != at {
        parent[at] = parent[parent[at]]
        at = parent[at]
      }
      return at
    }
    let all = spans.enumerated().flatMap { at, dates in dates.map { (at: at, span: $0) } }
      .sorted { ($0.span, $0.at) < ($1.span, $1.at) }
    var end = ""
    var owner = 0
    for (at, span) in all {
      if span.low <= end { parent[root(at)] = root(owner) }
      if span.high > end {
        end = span.high
        owner = at
      }
    }
    var members: [Int: [Int]] = [:]
    for at in spans.indices { members[root(at), default: []].append(at) }
    return members.keys.sorted().map { members[$0] ?? [] }
  }

  /// The two places to cut at: the largest history there can be, then the evenest other two.
  private static func cut(_ units: [Unit], _ least: Int, _ leastHistory: Int) -> (Int, Int)? {
    guard units.count >= 3 else { return nil }
    var before = [0]
    for unit in units { before.append((before.last ?? 0) + unit.weight) }
    let total = before[units.count]
    for first in stride(from: units.count - 2, through: 1, by: -1) {
      guard before[first] >= leastHistory else { return nil }
      var best: (second: Int, smaller: Int)?
      for second in first + 1..<units.count {
        let smaller = min(before[second] - before[first], total - before[second])
        guard smaller >= least else { continue }
        // Of equals the earlier cut: the larger test.
        if best.map({ smaller > $0.smaller }) ?? true { best = (second, smaller) }
      }
      if let best { return (first, best.second) }
    }
    return nil
  }
}
