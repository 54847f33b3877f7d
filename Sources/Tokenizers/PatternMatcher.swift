/// Matches an expression against UTF-8.
struct PatternMatcher {
  private let pattern: Pattern
  private let view: ScalarView
  private let count: Int
  /// States that led nowhere, remembered once a match takes long.
  private var failed: Set<UInt64> = []
  private var work = 0
  private static let patience = 2_000

  init(_ pattern: Pattern, _ bytes: UnsafeBufferPointer<UInt8>) {
    self.pattern = pattern
    view = ScalarView(bytes: bytes)
    count = bytes.count
  }

  /// The matches from left to right; an empty one right behind another does not count.
  mutating func matches() -> [Range<Int>] {
    var found: [Range<Int>] = []
    var at = 0
    while at <= count {
      if let end = match(at: at), end > at || found.last?.upperBound != at {
        found.append(at..<end)
        if end > at {
          at = end
          continue
        }
      }
      guard at < count else { break }
      at += view.scalar(at: at).length
    }
    return found
  }

  /// Where a match that starts here ends.
  mutating func match(at: Int) -> Int? {
    if !failed.isEmpty { failed.removeAll(keepingCapacity: true) }
    work = 0
    return run(from: 0, at: at)
  }

  private mutating func run(from start: Int, at: Int) -> Int? {
    // Alternatives still to be tried; the state of those above `base` is ours.
    var open: [(step: Int, at: Int)] = [(start, at)]
    while let state = open.popLast() {
      var (step, at) = state
      path: while true {
        work += 1
        if work > Self.patience {
          // What is reached again has failed before, for otherwise the match would be over.
          guard failed.insert(UInt64(step) << 40 | UInt64(at)).inserted else { break path }
        }
        switch pattern.steps[step] {
        case .take(let set):
          guard at < count else { break path }
          let (value, length) = view.scalar(at: at)
          guard pattern.sets[set].contains(value) else { break path }
          at += length
          step += 1
        case .jump(let next): step = next
        case .either(let first, let second):
          open.append((second, at))
          step = first
        case .look(let from, let isNegated, let next):
          let remembered = failed
          let holds = run(from: from, at: at) != nil
          // A path through a look that held has not failed.
          failed = remembered
          guard holds != isNegated else { break path }
          step = next
        case .atomic(let from, let next):
          let remembered = failed
          let end = run(from: from, at: at)
          failed = remembered
          guard let end else { break path }
          at = end
          step = next
        case .lookBack(let set, let isNegated):
          let holds = at > 0 && pattern.sets[set].contains(view.scalarBefore(at).value)
          guard holds != isNegated else { break path }
          step += 1
        case .lineStart:
          guard at == 0 || (at < count && view.bytes[at - 1] == 0x0a) else { break path }
          step += 1
        case .lineEnd:
          guard at == count || view.bytes[at] == 0x0a else { break path }
          step += 1
        case .textStart:
          guard at == 0 else { break path }
          step += 1
        case .textEnd:
          guard at == count else { break path }
          step += 1
        case .wordBoundary(let isNegated):
          guard isBoundary(at) != isNegated else { break path }
          step += 1
        case .done: return at
        }
      }
    }
    return nil
  }

  private func isBoundary(_ at: Int) -> Bool {
    func isWord(_ value: UInt32) -> Bool {
      Unicode.Scalar(value).map(Characters.isOnigurumaWord) ?? false
    }
    let before = at > 0 && isWord(view.scalarBefore(at).value)
    let behind = at < count && isWord(view.scalar(at: at).value)
    return before != behind
  }
}
