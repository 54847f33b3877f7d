/// Names the rules by which a vocabulary was trained on words.
public enum CuttingRule: String, Sendable, Equatable {
  /// GPT-2's expression: contractions, letters, numbers, others, each with at most one space
  /// before, and spaces.
  case gpt2 = "gpt-2"
  /// As GPT-2, after every digit has been set apart (SmolLM, StarCoder).
  case digitsApart = "smollm"
  /// Qwen2's expression, on text in normal form C.
  case qwen2 = "qwen2"
}

/// Cuts text into the words inside which merges happen, by hand-written forms of the usual
/// expressions.
struct WordCutter {
  private let view: ScalarView
  private let bytes: UnsafeBufferPointer<UInt8>
  private let rule: CuttingRule
  private var at = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, rule: CuttingRule) {
    view = ScalarView(bytes: bytes)
    self.bytes = bytes
    self.rule = rule
  }

  /// The bytes of the next word; nil at the end.
  mutating func next() -> Range<Int>? {
    guard at < bytes.count else { return nil }
    let start = at
    switch rule {
    case .gpt2: at = endOfGPT2Word(from: start)
    case .digitsApart: at = endOfDigitsApartWord(from: start)
    case .qwen2: at = endOfQwen2Word(from: start)
    }
    return start..<at
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  private func endOfGPT2Word(from start: Int) -> Int {
    if bytes[start] == UInt8(ascii: "'"), let end = endOfContraction(from: start) {
      return end
    }
    let (first, length) = view.class(at: start)
    if first != .space { return view.end(of: first, from: start + length) }
    if bytes[start] == UInt8(ascii: " "), start + 1 < bytes.count {
      let (second, length) = view.class(at: start + 1)
      if second != .space { return view.end(of: second, from: start + 1 + length) }
    }
    return endOfSpace(from: start)
  }

  /// `\s+(?!\S)|\s+`: all spaces but the last one, which belongs to what follows.
  private func endOfSpace(from start: Int) -> Int {
    var end = start
    var last = start
    while end < bytes.count {
      let (found, length) = view.class(at: end)
      guard found == .space else { break }
      last = end
      end += length
    }
    return end == bytes.count || last == start ? end : last
  }

  private func endOfContraction(from start: Int) -> Int? {
    guard start + 1 < bytes.count else { return nil }
    switch bytes[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return start + 2 < bytes.count && bytes[start + 2] == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"):
      return start + 2 < bytes.count && bytes[start + 2] == UInt8(ascii: "l") ? start + 3 : nil
    default: return nil
    }
  }

  /// The same, but digits are pieces of their own and the text between two of them ends there.
  private func endOfDigitsApartWord(from start: Int) -> Int {
    let (first, length) = view.class(at: start)
    if first == .number { return start + length }
    let end = endOfGPT2Word(from: start)
    guard first == .space else { return end }
    let spaces = view.end(of: .space, from: start)
    let isBeforeNumber = spaces < bytes.count && view.class(at: spaces).0 == .number
    return isBeforeNumber ? spaces : end
  }

  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  private func endOfQwen2Word(from start: Int) -> Int {
    if bytes[start] == UInt8(ascii: "'"), let end = endOfAnyCaseContraction(from: start) {
      return end
    }
    let (value, length) = view.scalar(at: start)
    let first = CharacterClass(value)
    switch first {
    case .letter: return view.end(of: .letter, from: start + length)
    case .number: return start + length
    case .space, .other: break
    }
    let next = start + length
    let isLineEnd = value == 0x0a || value == 0x0d
    if !isLineEnd, next < bytes.count, view.class(at: next).0 == .letter {
      return view.end(of: .letter, from: next)
    }
    if first == .other { return endOfLineEnds(from: view.end(of: .other, from: next)) }
    if value == 0x20, next < bytes.count, view.class(at: next).0 == .other {
      return endOfLineEnds(from: view.end(of: .other, from: next))
    }
    // The longest run of spaces that ends in a line end, if there is one in it.
    var end = start
    var afterLineEnd: Int?
    while end < bytes.count {
      let (found, length) = view.class(at: end)
      guard found == .space else { break }
      if bytes[end] == 0x0a || bytes[end] == 0x0d { afterLineEnd = end + 1 }
      end += length
    }
    return afterLineEnd ?? endOfSpace(from: start)
  }

  private func endOfLineEnds(from at: Int) -> Int {
    var end = at
    while end < bytes.count, bytes[end] == 0x0a || bytes[end] == 0x0d { end += 1 }
    return end
  }

  private func endOfAnyCaseContraction(from start: Int) -> Int? {
    guard start + 1 < bytes.count else { return nil }
    func lower(_ at: Int) -> UInt8? { at < bytes.count ? bytes[at] | 0x20 : nil }
    switch lower(start + 1) {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return lower(start + 2) == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"): return lower(start + 2) == UInt8(ascii: "l") ? start + 3 : nil
    default:
      // The long s counts as an s where case does not matter.
      return view.scalar(at: start + 1).value == 0x17f ? start + 3 : nil
    }
  }
}
