/// Cuts text into the words inside which merges happen, by hand-written forms of the usual
/// expressions.
///
/// Runs of ASCII go through a table of byte classes; what is longer than a byte is looked up as a
/// character.
struct WordCutter {
  private let view: ScalarView
  private let bytes: UnsafePointer<UInt8>
  private let count: Int
  /// The classes of bytes: those of `CharacterClass`, or `Characters.nonASCII`.
  private let classes: UnsafePointer<UInt8>
  private let rule: CuttingRule
  private var at = 0

  private static let letter = CharacterClass.letter.rawValue
  private static let number = CharacterClass.number.rawValue
  private static let space = CharacterClass.space.rawValue
  private static let other = CharacterClass.other.rawValue

  /// - Parameters:
  ///   - bytes: not empty.
  ///   - classes: of `Characters.byteClasses`; must outlive the cutter.
  init(
    _ bytes: UnsafeBufferPointer<UInt8>, start: UnsafePointer<UInt8>, rule: CuttingRule,
    classes: UnsafePointer<UInt8>
  ) {
    view = ScalarView(bytes: bytes)
    self.bytes = start
    count = bytes.count
    self.rule = rule
    self.classes = classes
  }

  /// Lends a cutter of a text to a closure.
  @inline(__always)
  static func withCutter(
    _ bytes: UnsafeBufferPointer<UInt8>, rule: CuttingRule, _ body: (inout WordCutter) -> Void
  ) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
    Characters.byteClasses.withUnsafeBufferPointer { classes in
      guard let table = classes.baseAddress else { return }
      var cutter = WordCutter(bytes, start: start, rule: rule, classes: table)
      body(&cutter)
    }
  }

  /// The bytes of the next word; nil at the end.
  @inline(__always)
  mutating func next() -> Range<Int>? {
    guard at < count else { return nil }
    let start = at
    switch rule {
    case .gpt2: at = endOfGPT2Word(from: start)
    case .digitsApart: at = endOfDigitsApartWord(from: start)
    case .qwen2: at = endOfQwen2Word(from: start, digits: 1)
    case .llama3: at = endOfQwen2Word(from: start, digits: 3)
    }
    return Range(uncheckedBounds: (start, at))
  }

  // MARK: Runs

  @inline(__always)
  private func byteClass(_ at: Int) -> UInt8 { classes[Int(bytes[at])] }

  /// The class of the character at `at`, and its length in bytes.
  @inline(__always)
  private func characterClass(_ at: Int) -> (value: UInt8, length: Int) {
    let value = byteClass(at)
    if value != Characters.nonASCII { return (value, 1) }
    return longClass(at)
  }

  @inline(never)
  private func longClass(_ at: Int) -> (value: UInt8, length: Int) {
    let (value, length) = view.class(at: at)
    return (value.rawValue, length)
  }

  /// Where the run of characters of one class ends that goes on at `at`.
  @inline(__always)
  private func end(of wanted: UInt8, from at: Int) -> Int {
    var end = at
    while end < count {
      let found = byteClass(end)
      if found == wanted {
        end += 1
      } else if found == Characters.nonASCII {
        return longEnd(of: wanted, from: end)
      } else {
        break
      }
    }
    return end
  }

  @inline(never)
  private func longEnd(of wanted: UInt8, from at: Int) -> Int {
    var end = at
    while end < count {
      let (found, length) = characterClass(end)
      guard found == wanted else { break }
      end += length
    }
    return end
  }

  // MARK: GPT-2

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  @inline(__always)
  private func endOfGPT2Word(from start: Int) -> Int {
    if bytes[start] == 0x20, start + 1 < count {
      let (second, length) = characterClass(start + 1)
      if second != Self.space { return end(of: second, from: start + 1 + length) }
      return endOfSpace(from: start)
    }
    let (first, length) = characterClass(start)
    if first == Self.space { return endOfSpace(from: start) }
    if bytes[start] == UInt8(ascii: "'"), let end = endOfContraction(from: start) { return end }
    return end(of: first, from: start + length)
  }

  /// `\s+(?!\S)|\s+`: all spaces but the last one, which belongs to what follows.
  private func endOfSpace(from start: Int) -> Int {
    var end = start
    var last = start
    while end < count {
      let (found, length) = characterClass(end)
      guard found == Self.space else { break }
      last = end
      end += length
    }
    return end == count || last == start ? end : last
  }

  private func endOfContraction(from start: Int) -> Int? {
    guard start + 1 < count else { return nil }
    switch bytes[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return start + 2 < count && bytes[start + 2] == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"):
      return start + 2 < count && bytes[start + 2] == UInt8(ascii: "l") ? start + 3 : nil
    default: return nil
    }
  }

  /// The same, but digits are pieces of their own and the text between two of them ends there.
  @inline(__always)
  private func endOfDigitsApartWord(from start: Int) -> Int {
    let first = byteClass(start)
    if first == Self.number { return start + 1 }
    if bytes[start] == 0x20, start + 1 < count {
      let second = byteClass(start + 1)
      if second == Self.letter { return end(of: Self.letter, from: start + 2) }
      if second == Self.number { return start + 1 }
    }
    let end = endOfGPT2Word(from: start)
    // Letters and signs of ASCII hold no digits, and end before one anyway.
    if first == Self.letter || (first == Self.other && end - start == 1) { return end }
    return endBeforeDigit(from: start, end: end)
  }

  /// Where a word ends that must not hold a digit, nor leave a space to one.
  ///
  /// `Digits` goes by a newer table than expressions do: what they take for signs may be a digit.
  private func endBeforeDigit(from start: Int, end: Int) -> Int {
    var at = start
    var isSpace = true
    while at < end {
      let (value, length) = view.scalar(at: at)
      if Characters.isNumeric(value) { return at > start ? at : at + length }
      if CharacterClass(value) != .space { isSpace = false }
      at += length
    }
    guard isSpace else { return end }
    let spaces = self.end(of: Self.space, from: start)
    return spaces < count && Characters.isNumeric(view.scalar(at: spaces).value) ? spaces : end
  }

  // MARK: Qwen2 and Llama 3

  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  @inline(__always)
  private func endOfQwen2Word(from start: Int, digits: Int) -> Int {
    let byte = bytes[start]
    let (first, length) = characterClass(start)
    let next = start + length
    if first == Self.letter { return end(of: Self.letter, from: next) }
    if byte == UInt8(ascii: "'"), let end = endOfAnyCaseContraction(from: start) { return end }
    if first == Self.number { return endOfDigits(from: next, most: digits - 1) }
    if byte != 0x0a, byte != 0x0d, next < count {
      let (second, length) = characterClass(next)
      if second == Self.letter { return end(of: Self.letter, from: next + length) }
      if byte == 0x20, second == Self.other {
        return endOfLineEnds(from: end(of: Self.other, from: next + length))
      }
    }
    if first == Self.other { return endOfLineEnds(from: end(of: Self.other, from: next)) }
    return endOfQwen2Space(from: start)
  }

  private func endOfDigits(from start: Int, most: Int) -> Int {
    var end = start
    var left = most
    while left > 0, end < count {
      let (found, length) = characterClass(end)
      guard found == Self.number else { break }
      end += length
      left -= 1
    }
    return end
  }

  /// The longest run of spaces that ends in a line end, if there is one in it.
  private func endOfQwen2Space(from start: Int) -> Int {
    var end = start
    var afterLineEnd: Int?
    while end < count {
      let (found, length) = characterClass(end)
      guard found == Self.space else { break }
      if bytes[end] == 0x0a || bytes[end] == 0x0d { afterLineEnd = end + 1 }
      end += length
    }
    return afterLineEnd ?? endOfSpace(from: start)
  }

  @inline(__always)
  private func endOfLineEnds(from at: Int) -> Int {
    var end = at
    while end < count, bytes[end] == 0x0a || bytes[end] == 0x0d { end += 1 }
    return end
  }

  private func endOfAnyCaseContraction(from start: Int) -> Int? {
    guard start + 1 < count else { return nil }
    func lower(_ at: Int) -> UInt8? { at < count ? bytes[at] | 0x20 : nil }
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
