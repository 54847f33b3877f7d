/// Finds the groups of which one holds a copy of another's text, as a note that was saved twice or
/// saved again with a sentence more.
struct Copies {
  /// Texts with fewer words say the same without being copies: "See you tomorrow at the office."
  static let leastWords = 10
  /// A run of words that more texts have is a form that they are written by, and says nothing.
  static let mostTexts = 16

  /// How many groups were joined to another.
  private(set) var joined = 0
  /// The group above a group; one without is the name of what was joined.
  private var above: [String: String] = [:]

  /// Compares records of different groups.
  /// - Parameter key: the group of a record.
  init(among records: [Record], by key: (Record) -> String) {
    let keys = records.map(key)
    guard let first = keys.first, keys.contains(where: { $0 != first }) else { return }
    // Sorted pairs of shingle and record: a dictionary of lists would need ten times the memory.
    var places: [(hash: UInt64, record: Int32)] = []
    var wholes: [UInt64: Int] = [:]
    var counts = [Int32](repeating: 0, count: records.count)
    for (at, record) in records.enumerated() {
      let shingles = Shingles.hashes(of: record.text)
      guard shingles.count > Self.leastWords - Shingles.words else { continue }
      // Texts with the same words have the same shingles, whatever their order in the set.
      let whole = shingles.reduce(UInt64(shingles.count)) { $0 &+ $1 }
      if let other = wholes[whole] { join(keys[at], keys[other]) } else { wholes[whole] = at }
      for shingle in shingles { places.append((shingle, Int32(at))) }
    }
    places.sort { ($0.hash, $0.record) < ($1.hash, $1.record) }
    var shared: [UInt64: Int32] = [:]
    var start = 0
    while start < places.count {
      var end = start + 1
      while end < places.count, places[end].hash == places[start].hash { end += 1 }
      defer { start = end }
      guard end - start <= Self.mostTexts else { continue }
      for at in start..<end {
        counts[Int(places[at].record)] += 1
        for other in start..<at
        where keys[Int(places[at].record)] != keys[Int(places[other].record)] {
          shared[UInt64(places[other].record) << 32 | UInt64(places[at].record), default: 0] += 1
        }
      }
    }
    for (pair, count) in shared {
      let (one, other) = (Int(pair >> 32), Int(pair & 0xFFFF_FFFF))
      let shorter = Int(min(counts[one], counts[other]))
      guard shorter > Self.leastWords - Shingles.words,
        AskedTexts.isAboutSame(shared: Int(count), of: shorter)
      else { continue }
      join(keys[one], keys[other])
    }
  }

  /// The group that a group is one with: itself, or the one of the shortest name among its copies,
  /// which is as a rule the first that was saved.
  func group(_ name: String) -> String {
    var name = name
    while let next = above[name] { name = next }
    return name
  }

  private mutating func join(_ one: String, _ other: String) {
    let (one, other) = (group(one), group(other))
    guard one != other else { return }
    let isFirst = (one.utf8.count, one) < (other.utf8.count, other)
    above[isFirst ? other : one] = isFirst ? one : other
    joined += 1
  }
}
