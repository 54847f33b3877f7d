import Bytes
import Corpus
import Testing

/// Makes users at random: works of many sizes, on dates that several may share, some undated.
struct RandomUser {
  let records: [Record]

  init(seed: UInt64, dated: Double = 1, overlapping: Bool = false) {
    var random = SeededRandom(seed: seed)
    var records: [Record] = []
    for work in 0..<(3 + random.below(40)) {
      let start = random.below(900)
      let isDated = random.uniform() < dated
      for part in 0..<(1 + random.below(random.below(4) == 0 ? 60 : 6)) {
        let day = overlapping ? start + random.below(60) : start
        let date = "\(1900 + day / 300)-\(10 + day / 30 % 3)-\(10 + day % 19)"
        records.append(
          Record(
            id: "r\(work)-\(part)", date: isDated ? date : nil, group: "work \(work)",
            text: "text \(work) \(part)"))
      }
    }
    random.shuffle(&records)
    self.records = records
  }
}

struct SplitTests {
  private func sides(_ split: Split) -> [[Record]] {
    [split.history, split.validation, split.test]
  }

  private func check(_ split: Split, _ records: [Record]) {
    let all = sides(split).flatMap { $0 }
    #expect(all.map(\.id).sorted() == records.map(\.id).sorted())
    var sideOfGroup: [String: Int] = [:]
    var sideOfDate: [String: Int] = [:]
    for (side, members) in sides(split).enumerated() {
      for record in members {
        #expect(sideOfGroup[record.group, default: side] == side, "group \(record.group)")
        sideOfGroup[record.group] = side
        guard let date = record.date else { continue }
        #expect(sideOfDate[date, default: side] == side, "date \(date)")
        sideOfDate[date] = side
      }
    }
    #expect(!split.history.isEmpty)
    for side in [split.validation, split.test] {
      #expect(!side.isEmpty)
      if records.count >= 20 { #expect(side.count >= 3) }
      if !split.reasoning.warnings.contains(where: { $0.contains("less than a tenth") }) {
        #expect(side.count * 10 >= records.count)
      }
    }
  }

  @Test(arguments: 0..<200)
  func `dated users keep groups, dates, order and sizes`(seed: Int) throws {
    let user = RandomUser(seed: UInt64(seed))
    guard let split = try? Split(user.records) else {
      // Only users with too few distinct dates may fail.
      #expect(Set(user.records.map(\.date)).count < 8)
      return
    }
    check(split, user.records)
    let ranges = sides(split).map { $0.compactMap(\.date).sorted() }
    for (older, newer) in zip(ranges, ranges.dropFirst()) {
      #expect(try #require(older.last) < #require(newer.first))
    }
  }

  @Test(arguments: 0..<200)
  func `undated and mixed users keep groups and sizes`(seed: Int) throws {
    let share = [0, 0.1, 0.5, 0.9][seed % 4]
    let user = RandomUser(seed: UInt64(1000 + seed), dated: share)
    guard let split = try? Split(user.records) else {
      #expect(Set(user.records.map(\.group)).count < 8)
      return
    }
    check(split, user.records)
  }

  @Test(arguments: 0..<100)
  func `threads that overlap in time stay whole`(seed: Int) throws {
    let user = RandomUser(seed: UInt64(2000 + seed), overlapping: true)
    guard let split = try? Split(user.records) else { return }
    check(split, user.records)
    if split.reasoning.order == "by day" {
      let ranges = sides(split).map { $0.compactMap(\.date).sorted() }
      for (older, newer) in zip(ranges, ranges.dropFirst()) {
        #expect(try #require(older.last) < #require(newer.first))
      }
    }
  }

  @Test(arguments: 0..<50)
  func `the order of the records does not matter`(seed: Int) throws {
    let user = RandomUser(seed: UInt64(seed), dated: 0.5)
    var shuffled = user.records
    var random = SeededRandom(seed: 7)
    random.shuffle(&shuffled)
    func places(_ split: Split?) -> [[String]] {
      guard let split else { return [] }
      return sides(split).map { $0.map(\.id).sorted() }
    }
    #expect(places(try? Split(user.records)) == places(try? Split(shuffled)))
  }

  @Test func `adding a note leaves the others where they are`() throws {
    let notes = (0..<300).map { Record(id: "notes/\($0).md", text: "note \($0)") }
    let before = try Split(notes)
    var moved = 0
    for number in 0..<60 {
      let after = try Split(notes + [Record(id: "new/\(number).md", text: "new \(number)")])
      for (old, new) in zip(sides(before), sides(after)) {
        moved += Set(old.map(\.id)).subtracting(new.map(\.id)).count
      }
    }
    #expect(moved == 0)
  }

  @Test(arguments: 0..<40)
  func `a small user's note moves two others at most`(seed: Int) throws {
    let notes = (0..<(5 + seed)).map { Record(id: "\(seed)/\($0).md", text: "note \($0)") }
    let before = try Split(notes)
    let after = try Split(notes + [Record(id: "\(seed)/new.md", text: "new")])
    let moved = zip(sides(before), sides(after)).reduce(0) {
      $0 + Set($1.0.map(\.id)).subtracting($1.1.map(\.id)).count
    }
    #expect(moved <= 2)
  }

  @Test func `the largest history wins, then even sides`() throws {
    // Works of 85, 101, 9 and 45 passages in order of time.
    let sizes = [85, 101, 9, 45]
    let records = sizes.enumerated().flatMap { work, size in
      (0..<size).map {
        Record(
          id: "\(work)-\($0)", date: "19\(10 + work)", group: "w\(work)", text: "\(work) \($0)")
      }
    }
    let split = try Split(records)
    #expect(split.history.count == 85)
    #expect(split.validation.count == 101)
    #expect(split.test.count == 54)
    #expect(split.reasoning.warnings.count == 1)
  }

  @Test func `a year covers its days`() throws {
    let dates = ["1815", "1815-06-18", "1814-01-01", "1813-01-01", "1816-02", "1812"]
    let records = dates.map { Record(id: $0, date: $0, text: $0) }
    let split = try Split(records)
    let together = sides(split).first { $0.contains { $0.id == "1815" } }
    #expect(together?.contains { $0.id == "1815-06-18" } == true)
  }

  @Test func `times of one day are told apart where days leave no room`() throws {
    let records = (0..<30).map {
      Record(id: "\($0)", date: "2020-01-01T10:\(10 + $0):00", text: "\($0)")
    }
    let split = try Split(records)
    #expect(split.reasoning.order == "by time")
    #expect(split.history.count == 24)
  }

  @Test func `one long undated work stays in the history`() throws {
    let book = (0..<500).map { Record(id: "book#\($0)", group: "book", text: "b\($0)") }
    let notes = (0..<20).map { Record(id: "note \($0)", text: "n\($0)") }
    let split = try Split(book + notes)
    #expect(split.history.count { $0.group == "book" } == 500)
    #expect(split.validation.count >= 3)
    #expect(split.test.count >= 3)
    #expect(split.reasoning.warnings.contains { $0.contains("less than a tenth") })
  }

  @Test func `few dates among many notes make history`() throws {
    let notes = (0..<40).map { Record(id: "note \($0)", text: "n\($0)") }
    let dated = [Record(id: "diary", date: "2020-01-01", text: "d")]
    let split = try Split(notes + dated)
    #expect(split.history.contains { $0.id == "diary" })
    #expect(split.reasoning.rules == ["hashes", "dates"])
  }

  @Test func `one note without a date stays in the history of twenty with one`() throws {
    let dated = (0..<20).map {
      Record(id: "n\($0)", date: "2026-01-\($0 + 10)", text: "n\($0)")
    }
    let split = try Split(dated + [Record(id: "readme", text: "about")])
    #expect(split.history.contains { $0.id == "readme" })
    #expect(split.test.map(\.id) == ["n17", "n18", "n19"])
    #expect(split.validation.count == 3)
  }

  @Test func `a user who is too small gets an error that says what is needed`() throws {
    let two = [Record(id: "a", text: "a"), Record(id: "b", text: "b")]
    let error = #expect(throws: CorpusError.self) { try Split(two) }
    #expect(error == .unsplittable(records: 2, units: 2, largest: ""))
    #expect(error?.description.contains("at least 3 records") == true)
    #expect(throws: CorpusError.self) { try Split([]) }
    let three = try Split(two + [Record(id: "c", text: "c")])
    #expect(sides(three).map(\.count) == [1, 1, 1])
  }

  @Test func `one work is divided only if asked for`() throws {
    let work = (0..<30).map {
      Record(id: "w#\($0)", date: "1900", group: "w", text: "t\($0)")
    }
    let error = #expect(throws: CorpusError.self) { try Split(work) }
    #expect(error == .unsplittable(records: 30, units: 1, largest: "w with 30"))
    let split = try Split(work, dividingGroups: true)
    #expect(split.validation.count >= 3 && split.test.count >= 3)
    #expect(split.reasoning.warnings.contains { $0.contains("divided") })
  }

  @Test func `a split that the source brings is kept`() throws {
    let records = (0..<10).map { Record(id: "\($0)", date: "20\(10 + $0)", text: "\($0)") }
    var kept: [String: Side] = [:]
    for record in records { kept[record.id] = .history }
    kept["0"] = .test
    kept["5"] = .validation
    let split = try Split(records, keeping: kept)
    #expect(split.test.map(\.id) == ["0"])
    #expect(split.validation.map(\.id) == ["5"])
    #expect(split.reasoning.rules == ["source"])
  }

  @Test func `a side that the source lacks is cut from its history`() throws {
    let records = (0..<30).map { Record(id: "\($0)", date: "20\(10 + $0)", text: "\($0)") }
    var kept: [String: Side] = [:]
    for record in records { kept[record.id] = .history }
    kept["3"] = .validation
    let split = try Split(records, keeping: kept)
    #expect(split.validation.map(\.id) == ["3"])
    #expect(split.test.map(\.id) == ["27", "28", "29"])
  }
}
