/// Divides a user's records into history, validation and test.
///
/// The rule is the page `Splitting` of this module's documentation.
public struct Split: Equatable, Sendable {
  public let history: [Record]
  public let validation: [Record]
  public let test: [Record]
  /// How the sides came about.
  public let reasoning: Reasoning

  /// Says how the sides came about, for the report; holds no text.
  public struct Reasoning: Codable, Equatable, Sendable {
    /// `source`, `dates`, `hashes`, or several of them.
    public var rules: [String] = []
    /// How dates were compared, where they were.
    public var order: String?
    /// How many records validation and test have to have at least.
    public var least = 0
    public var records: [String: Int] = [:]
    public var groups: [String: Int] = [:]
    /// How many groups hold a copy of another's text, and lie on its side; nil if none does.
    public var joined: Int?
    /// The first and last date of each side.
    public var dates: [String: [String]] = [:]
    /// What a person should know before they believe a figure.
    public var warnings: [String] = []
  }

  /// Divides records by date and hash.
  /// - Parameters:
  ///   - sides: the sides that the source brings, by record id; they are kept.
  ///   - dividingGroups: lets a work lie on several sides, where there is but one.
  /// - Throws: `CorpusError.unsplittable` if no rule gives three sides.
  public init(
    _ records: [Record], keeping sides: [String: Side] = [:], dividingGroups: Bool = false
  ) throws(CorpusError) {
    let fixed = records.filter { sides[$0.id] != nil }
    let loose = records.filter { sides[$0.id] == nil }
    var placed: [String: Side] = sides
    var reasoning = Reasoning()
    if !fixed.isEmpty { reasoning.rules.append("source") }
    if !loose.isEmpty {
      let division = try Division(loose, dividingGroups: dividingGroups)
      placed.merge(division.sides) { kept, _ in kept }
      reasoning.merge(division)
    }
    // A source that brings questions for one side only: the other is cut from the history.
    let present = Set(records.compactMap { placed[$0.id] })
    let missing = [Side.validation, .test].filter { !present.contains($0) }
    if !missing.isEmpty {
      let division = try Division(
        records.filter { placed[$0.id] == .history }, dividingGroups: dividingGroups)
      reasoning.merge(division)
      for (id, side) in division.sides where side != .history {
        if missing.count == 2 {
          placed[id] = side
        } else if side == .test {
          placed[id] = missing[0]
        }
      }
    }
    func side(_ side: Side) -> [Record] { records.filter { placed[$0.id] == side } }
    history = side(.history)
    validation = side(.validation)
    test = side(.test)
    guard !history.isEmpty else {
      throw .unsplittable(records: records.count, units: records.count, largest: "")
    }
    reasoning.describe([.history: history, .validation: validation, .test: test])
    self.reasoning = reasoning
  }
}

extension Split.Reasoning {
  fileprivate mutating func merge(_ division: Division) {
    for rule in division.rules where !rules.contains(rule) { rules.append(rule) }
    order = order ?? division.order
    least = max(least, division.least)
    if division.joined > 0 { joined = (joined ?? 0) + division.joined }
    warnings += division.warnings
  }

  fileprivate mutating func describe(_ sides: [Side: [Record]]) {
    let total = sides.values.reduce(0) { $0 + $1.count }
    for side in Side.allCases {
      let own = sides[side] ?? []
      records[side.rawValue] = own.count
      groups[side.rawValue] = Set(own.map(\.group)).count
      let dated = own.compactMap(\.date).sorted()
      if let first = dated.first, let last = dated.last { dates[side.rawValue] = [first, last] }
    }
    let history = sides[.history]?.count ?? 0
    if history * 2 < total {
      warnings.append(
        "the history has \(history) of \(total) records: works and dates are kept whole, and the"
          + " newer ones are long")
    }
    if total < 20 { warnings.append("\(total) records are few: figures on them mean little") }
  }
}
