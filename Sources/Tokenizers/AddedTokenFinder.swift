/// Finds added tokens in text: the leftmost, and of those the longest.
struct AddedTokenFinder: Sendable {
  /// A stretch of the text: a token found, or text between tokens.
  struct Stretch {
    let range: Range<Int>
    let id: Int32?
  }

  /// The tokens by their first byte, longer names first.
  private let groups: [[Entry]]
  let isEmpty: Bool
  /// The bytes names begin with, for a quick look.
  private let starts: [Bool]

  private struct Entry: Sendable {
    let name: [UInt8]
    let token: AddedToken
  }

  /// - Parameter tokens: with the names under which they are looked for.
  init(_ tokens: [(name: String, token: AddedToken)]) {
    var groups = Array(repeating: [Entry](), count: 256)
    for (name, token) in tokens {
      let bytes = Array(name.utf8)
      guard let first = bytes.first else { continue }
      groups[Int(first)].append(Entry(name: bytes, token: token))
    }
    for at in groups.indices { groups[at].sort { $0.name.count > $1.name.count } }
    self.groups = groups
    starts = groups.map { !$0.isEmpty }
    isEmpty = !starts.contains(true)
  }

  private func match(_ bytes: UnsafeBufferPointer<UInt8>, at: Int) -> Entry? {
    for entry in groups[Int(bytes[at])] where at + entry.name.count <= bytes.count {
      var same = true
      for offset in 1..<max(entry.name.count, 1) where bytes[at + offset] != entry.name[offset] {
        same = false
        break
      }
      if same { return entry }
    }
    return nil
  }

  /// Cuts text into tokens and what lies between.
  /// - Parameter specials: whether special tokens count; their names are gone over either way.
  func stretches(_ bytes: UnsafeBufferPointer<UInt8>, specials: Bool) -> [Stretch] {
    guard !isEmpty else { return [Stretch(range: 0..<bytes.count, id: nil)] }
    var found: [Stretch] = []
    var start = 0
    var at = 0
    while at < bytes.count {
      guard starts[Int(bytes[at])], let entry = match(bytes, at: at) else {
        at += 1
        continue
      }
      var (from, to) = (at, at + entry.name.count)
      at = to
      if entry.token.isSpecial, !specials { continue }
      let view = ScalarView(bytes: bytes)
      if entry.token.isSingleWord {
        let touchesBefore = from > 0 && Characters.isWord(view.scalarBefore(from).value)
        let touchesBehind = to < bytes.count && Characters.isWord(view.scalar(at: to).value)
        if touchesBefore || touchesBehind { continue }
      }
      if entry.token.stripsLeft {
        while from > start {
          let (value, length) = view.scalarBefore(from)
          guard CharacterClass(value) == .space else { break }
          from = max(from - length, start)
        }
      }
      if entry.token.stripsRight {
        while to < bytes.count {
          let (value, length) = view.scalar(at: to)
          guard CharacterClass(value) == .space else { break }
          to += length
        }
      }
      if start < from { found.append(Stretch(range: start..<from, id: nil)) }
      found.append(Stretch(range: min(from, to)..<to, id: entry.token.id))
      start = to
    }
    if start < bytes.count { found.append(Stretch(range: start..<bytes.count, id: nil)) }
    return found
  }
}
