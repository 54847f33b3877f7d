import Bytes

/// Places records on sides by their dates and hashes.
struct Division {
  private(set) var sides: [String: Side] = [:]
  private(set) var rules: [String] = []
  private(set) var order: String?
  private(set) var least = 0
  private(set) var warnings: [String] = []
  /// How many groups lie beside a copy of theirs.
  private(set) var joined = 0

  /// How many records a side must have of `count`: a tenth, and three from twenty records on.
  static func least(of count: Int) -> Int {
    max(count >= 20 ? 3 : 1, (count + 9) / 10)
  }

  init(_ records: [Record], dividingGroups: Bool) throws(CorpusError) {
    let copies = Copies(among: records) { $0.group }
    let groups = Self.groups(records) { $0.group }
    let dated = groups.filter(\.isDated)
    let undated = groups.filter { !$0.isDated }
    if copies.joined > 0 {
      let whole = Self.groups(records) { copies.group($0.group) }
      if place(whole.filter(\.isDated), whole.filter { !$0.isDated }, records.count) {
        joined = copies.joined
        return
      }
    }
    if place(dated, undated, records.count) {
      if copies.joined > 0 {
        warnings.append(
          "\(copies.joined) texts are copies of others, and may lie on another side: kept together"
            + " they leave no room for a split")
      }
      return
    }
    if dividingGroups {
      // Passages of one work share its date, so dates cannot tell them apart.
      let parts = Self.groups(records.map { $0.undated }) { $0.id }
      if place([], parts, records.count) {
        warnings.append("works are divided: parts of one work lie on several sides")
        return
      }
    }
    let units = dated.isEmpty ? [] : DateCut.units(of: dated, .newestInstant)
    let largest = groups.max { ($0.weight, $1.name) < ($1.weight, $0.name) }
    throw .unsplittable(
      records: records.count, units: units.count + undated.count,
      largest: groups.count < records.count
        ? largest.map { "\($0.name) with \($0.weight)" } ?? "" : "")
  }

  private mutating func place(_ dated: [Group], _ undated: [Group], _ count: Int) -> Bool {
    let whole = Self.least(of: count)
    // Where whole works leave no room for a tenth each, as much as they allow.
    for least in whole > Self.floor(count) ? [whole, Self.floor(count)] : [whole] {
      guard place(dated, undated, least: least) else { continue }
      self.least = least
      if least < whole {
        warnings.append(
          "validation and test have less than a tenth: a few groups hold most of the records")
      }
      return true
    }
    return false
  }

  private static func floor(_ count: Int) -> Int { count >= 20 ? 3 : 1 }

  private mutating func place(_ dated: [Group], _ undated: [Group], least: Int) -> Bool {
    let datedCount = dated.reduce(0) { $0 + $1.weight }
    let share = undated.isEmpty ? least : min(least, max(1, (datedCount + 9) / 10))
    if !dated.isEmpty, let cut = DateCut(dated, least: share) {
      if let rest = HashCut(undated, least: least - share, mayEmptyHistory: true) {
        take(cut.sides, "dates")
        if !undated.isEmpty { take(rest.sides, "hashes") }
        order = cut.order.rawValue
        return true
      }
      // Too few without a date for sides of their own: those with one make all there is.
      guard let all = DateCut(dated, least: least) else { return false }
      take(all.sides, "dates")
      take([.history: undated], nil)
      warnings.append("too few undated records to split by: all of them are history")
      order = all.order.rawValue
      return true
    }
    // Too few dates to go by: what has one is history, and the rest makes the other sides.
    guard let cut = HashCut(undated, least: least, mayEmptyHistory: !dated.isEmpty) else {
      return false
    }
    take(cut.sides, "hashes")
    if !dated.isEmpty {
      take([.history: dated], "dates")
      warnings.append("too few dates to split by: all dated records are history")
    }
    return true
  }

  private mutating func take(_ groups: [Side: [Group]], _ rule: String?) {
    if let rule { rules.append(rule) }
    for side in Side.allCases {
      for group in groups[side] ?? [] { for id in group.ids { sides[id] = side } }
    }
  }

  /// Stores what stays together: the records of one work, thread or file.
  struct Group: Equatable {
    let name: String
    var ids: [String] = []
    var dates: [String] = []
    var weight: Int { ids.count }
    var isDated: Bool { !dates.isEmpty }
  }

  /// Gathers records into groups, in the order of their first records.
  private static func groups(_ records: [Record], by key: (Record) -> String) -> [Group] {
    var places: [String: Int] = [:]
    var groups: [Group] = []
    for record in records {
      let name = key(record)
      let at = places[name] ?? groups.count
      if at == groups.count {
        places[name] = at
        groups.append(Group(name: name))
      }
      groups[at].ids.append(record.id)
      if let date = record.date { groups[at].dates.append(date) }
    }
    return groups
  }
}

extension Record {
  fileprivate var undated: Record {
    var copy = self
    copy.date = nil
    return copy
  }
}
