import Bytes
import Formats

/// Changes one place of a JSON value, keeping it JSON.
enum JSONChange {
  static func changed(_ node: JSONNode, _ random: inout SeededRandom) -> JSONNode {
    // Down to a place that has nothing below it, or not quite.
    if random.below(6) > 0 {
      if let members = node.members, !members.isEmpty {
        var members = members
        let at = random.below(members.count)
        members[at] = JSONMember(members[at].name, changed(members[at].value, &random))
        return .object(members)
      }
      if let elements = node.elements, !elements.isEmpty {
        var elements = elements
        let at = random.below(elements.count)
        elements[at] = changed(elements[at], &random)
        return .array(elements)
      }
    }
    if let members = node.members, random.below(4) > 0 { return object(members, &random) }
    if let elements = node.elements, random.below(4) > 0 { return array(elements, &random) }
    if let number = node.int, random.below(2) == 0 { return near(number, &random) }
    if let text = node.text, random.below(2) == 0 { return .string(near(text, &random)) }
    return any(&random)
  }

  private static func object(
    _ members: [JSONMember], _ random: inout SeededRandom
  ) -> JSONNode {
    guard !members.isEmpty else { return .object([JSONMember("", any(&random))]) }
    var members = members
    let (at, other) = (random.below(members.count), random.below(members.count))
    switch random.below(5) {
    case 0: members.remove(at: at)
    case 1: members.append(members[at])
    case 2: members[at] = JSONMember(members[at].name, members[other].value)
    case 3: members[at] = JSONMember(members[other].name, members[at].value)
    default: members[at] = JSONMember(near(members[at].name, &random), members[at].value)
    }
    return .object(members)
  }

  private static func array(_ elements: [JSONNode], _ random: inout SeededRandom) -> JSONNode {
    guard !elements.isEmpty else { return .array([any(&random)]) }
    var elements = elements
    let (at, other) = (random.below(elements.count), random.below(elements.count))
    switch random.below(5) {
    case 0: elements.remove(at: at)
    case 1: elements.append(elements[at])
    case 2: elements.swapAt(at, other)
    case 3: elements.removeLast(elements.count - at)
    default: elements.insert(any(&random), at: at)
    }
    return .array(elements)
  }

  private static func near(_ number: Int, _ random: inout SeededRandom) -> JSONNode {
    let value = ByteChange.awkward(
      8, near: UInt64(bitPattern: Int64(number)), &random)
    return .int(Int(truncatingIfNeeded: value))
  }

  private static func near(_ text: String, _ random: inout SeededRandom) -> String {
    switch random.below(6) {
    case 0: ""
    case 1: String(text.dropLast())
    case 2: text + text
    case 3: text + "\u{0}"
    case 4: "../" + text
    default: text + "\u{1F6A2}\u{0301}"
    }
  }

  private static func any(_ random: inout SeededRandom) -> JSONNode {
    let numbers = [0, 1, -1, 2, 3, 1 << 24, 1 << 28, 1 << 31, 1 << 40, Int.max, Int.min]
    switch random.below(9) {
    case 0: return .null
    case 1: return .bool(random.below(2) == 0)
    case 2, 3: return .int(numbers[random.below(numbers.count)])
    case 4: return .double([0.5, 1e-300, 1e300, -1e10, 1e19][random.below(5)])
    case 5: return .string(["", "llama", "BPE", "Ġ", "true", "a b", "\u{fffd}"][random.below(7)])
    case 6: return .array([])
    case 7: return .object([])
    default:
      var nested = JSONNode.int(1)
      for _ in 0..<random.below(200) { nested = .array([nested]) }
      return nested
    }
  }
}
