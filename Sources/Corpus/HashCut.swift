import Bytes

/// Places undated groups by a hash of their names, so that each stays where it is when others come
/// and go.
struct HashCut {
  let sides: [Side: [Division.Group]]

  /// The share of the range of hashes that each of validation and test has.
  ///
  /// More than the tenth that is asked for, so that chance seldom leaves them short.
  static let share = 0.125

  /// - Parameters:
  ///   - least: how many records validation and test each must get.
  ///   - mayEmptyHistory: whether other records make a history already.
  /// - Returns: nil if no cut gives enough.
  init?(_ groups: [Division.Group], least: Int, mayEmptyHistory: Bool) {
    guard !groups.isEmpty else {
      guard least == 0, mayEmptyHistory else { return nil }
      sides = [:]
      return
    }
    let total = groups.reduce(0) { $0 + $1.weight }
    let places = groups.map { (place: Self.place($0.name), group: $0) }
      .sorted { ($0.place, $0.group.name) < ($1.place, $1.group.name) }
    // A group with more than a quarter of all records is history as long as the others suffice.
    let small = places.filter { $0.group.weight * 4 <= total }
    for candidates in small.count < places.count ? [small, places] : [places] {
      let large =
        candidates.count < places.count ? places.filter { $0.group.weight * 4 > total } : []
      let kept = large.map(\.group)
      guard
        let (low, high) = Self.ends(
          candidates, least, total: total, keptWeight: kept.reduce(0) { $0 + $1.weight },
          mayEmptyHistory)
      else { continue }
      sides = [
        .test: candidates.prefix(low).map(\.group),
        .validation: candidates.suffix(high).map(\.group),
        .history: candidates.dropFirst(low).dropLast(high).map(\.group) + kept,
      ]
      return
    }
    return nil
  }

  /// Where a name lies in 0..<1.
  static func place(_ name: String) -> Double {
    let hash = UInt64(Digest(of: name).hex.prefix(16), radix: 16) ?? 0
    return Double(hash >> 11) * 0x1p-53
  }

  /// How many groups from the low end are test, and from the high end validation.
  private static func ends(
    _ groups: [(place: Double, group: Division.Group)], _ least: Int, total: Int,
    keptWeight: Int, _ mayEmptyHistory: Bool
  ) -> (Int, Int)? {
    guard let needLow = needed(groups.map(\.group.weight), least),
      let needHigh = needed(groups.reversed().map(\.group.weight), least)
    else { return nil }
    func history(_ low: Int, _ high: Int) -> Int? {
      guard low + high <= groups.count else { return nil }
      return groups.dropFirst(low).dropLast(high).reduce(keptWeight) { $0 + $1.group.weight }
    }
    let low = max(needLow, groups.count { $0.place < share })
    let high = max(needHigh, groups.count { $0.place >= 1 - share })
    if let rest = history(low, high), rest * 2 >= total || mayEmptyHistory { return (low, high) }
    // Chance gave the ends too much: no more than what is asked for.
    guard let rest = history(needLow, needHigh), rest >= max(1, least) || mayEmptyHistory else {
      return nil
    }
    return (needLow, needHigh)
  }

  /// How many of the first weights reach a sum; nil if all together do not.
  private static func needed(_ weights: [Int], _ least: Int) -> Int? {
    var sum = 0
    for (at, weight) in weights.enumerated() {
      if sum >= least { return at }
      sum += weight
    }
    return sum >= least ? weights.count : nil
  }
}
