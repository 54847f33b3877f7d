import Bytes

/// Stores a good GGUF file with the places of its fields, and changes it there.
struct GGUFSpecimen {
  /// What a field decides.
  private enum Field {
    /// How much follows: of texts, arrays, dimensions, tensors, values.
    case count
    /// How what follows is read.
    case type
    /// What other code makes something of.
    case value, text, dimension, tensorType, offset
  }

  private let bytes: [UInt8]
  private var fields: [(field: Field, range: Range<Int>)] = []
  /// Where the tensors' bytes start.
  private var data = 0

  /// - Parameter bytes: must be a good file.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var at = 4
    note(.type, 4, &at)
    let tensors = note(.count, 8, &at)
    for _ in 0..<note(.count, 8, &at) {
      noteText(&at)
      noteValue(note(.type, 4, &at), &at)
    }
    for _ in 0..<tensors {
      noteText(&at)
      for _ in 0..<note(.count, 4, &at) { note(.dimension, 8, &at) }
      note(.tensorType, 4, &at)
      note(.offset, 8, &at)
    }
    data = at
  }

  @discardableResult
  private mutating func note(_ field: Field, _ width: Int, _ at: inout Int) -> Int {
    let range = at..<at + width
    fields.append((field, range))
    at += width
    return Int(truncatingIfNeeded: number(range))
  }

  private func number(_ range: Range<Int>) -> UInt64 {
    range.reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
  }

  private mutating func noteText(_ at: inout Int) {
    let length = note(.count, 8, &at)
    if length > 0 { fields.append((.text, at..<at + length)) }
    at += length
  }

  private mutating func noteValue(_ type: Int, _ at: inout Int) {
    switch type {
    case 8: noteText(&at)
    case 9:
      let element = note(.type, 4, &at)
      for _ in 0..<note(.count, 8, &at) { noteValue(element, &at) }
    default:
      let widths = [1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8]
      note(.value, widths[type], &at)
    }
  }

  /// Changes anything.
  func changed(_ random: inout SeededRandom) -> [UInt8] {
    if random.below(4) == 0 { return ByteChange.changed(bytes, &random) }
    var changed = bytes
    for _ in 0...random.below(3) {
      change(fields[random.below(fields.count)], in: &changed, &random)
    }
    switch random.below(6) {
    case 0: changed.removeLast(random.below(changed.count))
    case 1:
      // A field is gone, or there twice: all that follows is read out of step.
      let range = fields[random.below(fields.count)].range
      if random.below(2) == 0 {
        changed.removeSubrange(range)
      } else {
        changed.insert(contentsOf: bytes[range], at: range.lowerBound)
      }
    default: break
    }
    return changed
  }

  /// Changes what the walk over the header does not stumble over: values, letters of names, types of
  /// tensors that take no more room, smaller dimensions, the tensors' bytes.
  func changedWithin(_ random: inout SeededRandom) -> [UInt8] {
    var changed = bytes
    let shallow = fields.filter {
      switch $0.field {
      case .value, .text, .dimension, .tensorType: true
      case .count, .type, .offset: false
      }
    }
    for _ in 0...random.below(3) {
      // The few fields that are no names or numbers of the vocabulary are the more interesting.
      var chosen = shallow[random.below(shallow.count)]
      if random.below(2) == 0 {
        let rare = shallow.filter { $0.field == .dimension || $0.field == .tensorType }
        chosen = rare[random.below(rare.count)]
      } else if random.below(2) == 0 {
        chosen = shallow[random.below(min(60, shallow.count))]
      }
      switch chosen.field {
      case .text:
        let place = chosen.range.lowerBound + random.below(chosen.range.count)
        if changed[place] < 0x80 { changed[place] = UInt8(0x20 + random.below(0x5f)) }
      case .dimension:
        let value = number(chosen.range)
        put(UInt64(random.below(Int(value) + 1)), at: chosen.range, in: &changed)
      case .tensorType:
        put([0, 1, 2, 8, 12, 14, 30][random.below(7)], at: chosen.range, in: &changed)
      default: change(chosen, in: &changed, &random)
      }
    }
    for _ in 0..<random.below(40) where data < changed.count {
      changed[data + random.below(changed.count - data)] = random.below(2) == 0 ? 0xff : 0x7c
    }
    return changed
  }

  private func change(
    _ field: (field: Field, range: Range<Int>), in bytes: inout [UInt8],
    _ random: inout SeededRandom
  ) {
    switch field.field {
    case .text:
      bytes[field.range.lowerBound + random.below(field.range.count)] = UInt8(random.below(256))
    case .type, .tensorType:
      put(UInt64(random.below(40)), at: field.range, in: &bytes)
    default:
      let value = ByteChange.awkward(field.range.count, near: number(field.range), &random)
      put(value, at: field.range, in: &bytes)
    }
  }

  private func put(_ value: UInt64, at range: Range<Int>, in bytes: inout [UInt8]) {
    for (place, at) in range.enumerated() {
      bytes[at] = UInt8(truncatingIfNeeded: value >> UInt64(8 * place))
    }
  }
}
