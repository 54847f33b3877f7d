/// Stores how text is cut into the pieces inside which a vocabulary joins.
struct PreTokenizer: Sendable {
  /// A step; each goes over all the pieces that the one before made.
  enum Step: Sendable {
    case split(Delimiter, Behavior, isInverted: Bool)
    case digits(isEach: Bool)
    case punctuation(Behavior)
    /// Words and runs of signs, without the white space between.
    case whitespace
    case whitespaceSplit
    case delimiter(Unicode.Scalar)
    case metaspace(mark: [UInt8], Prepending, splits: Bool)
    /// GPT-2's words, where `cuts`; a space before the piece, where `addsSpace` and there is none.
    case byteLevel(addsSpace: Bool, cuts: Bool)
  }

  enum Delimiter: Sendable {
    case text([UInt8])
    case pattern(Pattern)
  }

  /// What becomes of what a step finds.
  enum Behavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  /// Which pieces get a mark before them.
  enum Prepending: String, Sendable {
    case first
    case never
    case always
  }

  /// A piece of text, and whether it starts the text that was given.
  struct Piece {
    var bytes: ArraySlice<UInt8>
    var isFirst: Bool
  }

  var steps: [Step] = []

  /// Whether a text is one piece, come what may.
  var isEmpty: Bool { steps.isEmpty }

  /// Cuts a piece.
  func pieces(of piece: Piece) -> [Piece] {
    var pieces = [piece]
    for step in steps {
      var next: [Piece] = []
      for piece in pieces where !piece.bytes.isEmpty { apply(step, to: piece, into: &next) }
      pieces = next
    }
    return pieces.filter { !$0.bytes.isEmpty }
  }

  private func apply(_ step: Step, to piece: Piece, into next: inout [Piece]) {
    switch step {
    case .split(let delimiter, let behavior, let isInverted):
      cut(piece, behavior, into: &next) { bytes in
        Self.matches(delimiter, in: bytes).map { ($0.range, $0.isMatch != isInverted) }
      }
    case .digits(let isEach):
      cut(piece, isEach ? .isolated : .contiguous, into: &next) {
        Self.characters(in: $0, Characters.isNumeric)
      }
    case .punctuation(let behavior):
      cut(piece, behavior, into: &next) { Self.characters(in: $0, Characters.isPunctuation) }
    case .whitespaceSplit:
      cut(piece, .removed, into: &next) {
        Self.characters(in: $0) { CharacterClass($0) == .space }
      }
    case .delimiter(let wanted):
      cut(piece, .removed, into: &next) { Self.characters(in: $0) { $0 == wanted.value } }
    case .whitespace: cut(piece, .removed, into: &next, runs: Self.wordRuns)
    case .metaspace(let mark, let prepending, let splits):
      var bytes = Self.replacing(piece.bytes, 0x20, by: mark)
      let isMarked = bytes.starts(with: mark)
      if !isMarked, prepending == .always || (prepending == .first && piece.isFirst) {
        bytes.insert(contentsOf: mark, at: 0)
      }
      let whole = Piece(bytes: bytes[...], isFirst: piece.isFirst)
      guard splits else {
        next.append(whole)
        return
      }
      cut(whole, .mergedWithNext, into: &next) { Self.matches(.text(mark), in: $0) }
    case .byteLevel(let addsSpace, let cuts):
      var piece = piece
      if addsSpace, piece.bytes.first != 0x20 {
        piece.bytes = ([0x20] + piece.bytes)[...]
      }
      guard cuts else {
        next.append(piece)
        return
      }
      let start = piece.bytes.startIndex
      piece.bytes.withUnsafeBufferPointer { bytes in
        WordCutter.withCutter(bytes, rule: .gpt2) { cutter in
          while let range = cutter.next() {
            next.append(
              Piece(
                bytes: piece.bytes[start + range.lowerBound..<start + range.upperBound],
                isFirst: piece.isFirst && range.lowerBound == 0))
          }
        }
      }
    }
  }

  // MARK: Cutting

  typealias Run = (range: Range<Int>, isMatch: Bool)

  /// Cuts a piece at the runs found in it, which cover it.
  private func cut(
    _ piece: Piece, _ behavior: Behavior, into next: inout [Piece],
    runs: (UnsafeBufferPointer<UInt8>) -> [Run]
  ) {
    let found = piece.bytes.withUnsafeBufferPointer(runs)
    let start = piece.bytes.startIndex
    for range in Self.merged(found, behavior) where !range.isEmpty {
      next.append(
        Piece(
          bytes: piece.bytes[start + range.lowerBound..<start + range.upperBound],
          isFirst: piece.isFirst && range.lowerBound == 0))
    }
  }

  static func merged(_ runs: [Run], _ behavior: Behavior) -> [Range<Int>] {
    switch behavior {
    case .removed: return runs.filter { !$0.isMatch }.map(\.range)
    case .isolated: return runs.map(\.range)
    case .contiguous:
      var result: [Range<Int>] = []
      var previous = false
      for run in runs {
        if run.isMatch == previous, let last = result.last {
          result[result.count - 1] = last.lowerBound..<run.range.upperBound
        } else {
          result.append(run.range)
        }
        previous = run.isMatch
      }
      return result
    case .mergedWithPrevious:
      var result: [Range<Int>] = []
      var previous = false
      for run in runs {
        if run.isMatch, !previous, let last = result.last {
          result[result.count - 1] = last.lowerBound..<run.range.upperBound
        } else {
          result.append(run.range)
        }
        previous = run.isMatch
      }
      return result
    case .mergedWithNext:
      var result: [Range<Int>] = []
      var previous = false
      for run in runs.reversed() {
        if run.isMatch, !previous, let last = result.last {
          result[result.count - 1] = run.range.lowerBound..<last.upperBound
        } else {
          result.append(run.range)
        }
        previous = run.isMatch
      }
      return result.reversed()
    }
  }

  /// Each character by itself that counts, and what lies between such.
  private static func characters(
    in bytes: UnsafeBufferPointer<UInt8>, _ counts: (UInt32) -> Bool
  ) -> [Run] {
    let view = ScalarView(bytes: bytes)
    var runs: [Run] = []
    var start = 0
    var at = 0
    while at < bytes.count {
      let (value, length) = view.scalar(at: at)
      if counts(value) {
        if start < at { runs.append((start..<at, false)) }
        runs.append((at..<at + length, true))
        start = at + length
      }
      at += length
    }
    if start < at { runs.append((start..<at, false)) }
    return runs
  }

  /// `\w+|[^\w\s]+`, what lies between counting as found (to be removed).
  private static func wordRuns(in bytes: UnsafeBufferPointer<UInt8>) -> [Run] {
    let view = ScalarView(bytes: bytes)
    func kind(_ value: UInt32) -> Int {
      Characters.isWord(value) ? 0 : CharacterClass(value) == .space ? 1 : 2
    }
    var runs: [Run] = []
    var at = 0
    while at < bytes.count {
      let start = at
      let first = kind(view.scalar(at: at).value)
      while at < bytes.count {
        let (value, length) = view.scalar(at: at)
        guard kind(value) == first else { break }
        at += length
      }
      runs.append((start..<at, first == 1))
    }
    return runs
  }

  static func matches(
    _ delimiter: Delimiter, in bytes: UnsafeBufferPointer<UInt8>
  ) -> [Run] {
    let found: [Range<Int>]
    switch delimiter {
    case .pattern(let pattern):
      var matcher = PatternMatcher(pattern, bytes)
      found = matcher.matches()
    case .text(let text): found = places(of: text, in: bytes)
    }
    var runs: [Run] = []
    var at = 0
    for range in found {
      if at < range.lowerBound { runs.append((at..<range.lowerBound, false)) }
      runs.append((range, true))
      at = range.upperBound
    }
    if at < bytes.count { runs.append((at..<bytes.count, false)) }
    return runs
  }

  private static func places(
    of text: [UInt8], in bytes: UnsafeBufferPointer<UInt8>
  ) -> [Range<Int>] {
    guard let first = text.first, bytes.count >= text.count else { return [] }
    var found: [Range<Int>] = []
    var at = 0
    while at <= bytes.count - text.count {
      if bytes[at] == first, bytes[at..<at + text.count].elementsEqual(text) {
        found.append(at..<at + text.count)
        at += text.count
      } else {
        at += 1
      }
    }
    return found
  }

  static func replacing(
    _ bytes: some Sequence<UInt8>, _ old: UInt8, by new: [UInt8]
  ) -> [UInt8] {
    var result: [UInt8] = []
    for byte in bytes {
      if byte == old { result += new } else { result.append(byte) }
    }
    return result
  }
}
