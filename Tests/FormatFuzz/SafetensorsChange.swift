import Bytes
import Formats

/// Changes a safetensors file.
enum SafetensorsChange {
  private static func parts(_ file: [UInt8]) throws -> (header: JSONNode, data: ArraySlice<UInt8>) {
    let length = Int(file[0]) | Int(file[1]) << 8 | Int(file[2]) << 16
    return (try JSONNode(parsing: file[8..<8 + length]), file[(8 + length)...])
  }

  private static func file(_ header: JSONNode, _ data: ArraySlice<UInt8>) -> [UInt8] {
    var writer = ByteWriter()
    let json = header.bytes(sorted: false)
    writer.write(UInt64(json.count))
    writer.write(bytes: json)
    writer.write(bytes: data)
    return writer.bytes
  }

  /// Anything: the length, the header's JSON, the bytes.
  static func anywhere(_ good: [UInt8], _ random: inout SeededRandom) throws -> [UInt8] {
    if random.below(3) == 0 { return ByteChange.changed(good, &random) }
    var (header, data) = try parts(good)
    for _ in 0...random.below(3) { header = JSONChange.changed(header, &random) }
    if random.below(4) == 0 { data = data.dropLast(random.below(64)) }
    var bytes = file(header, data)
    if random.below(4) == 0 {
      let length = ByteChange.awkward(8, near: UInt64(bytes.count), &random)
      for i in 0..<8 { bytes[i] = UInt8(truncatingIfNeeded: length >> UInt64(8 * i)) }
    }
    return bytes
  }

  /// Only what still makes a whole file: names, types and shapes of equal size, the numbers.
  static func within(_ good: [UInt8], _ random: inout SeededRandom) throws -> [UInt8] {
    var (header, data) = try parts(good)
    guard var members = header.members else { return good }
    let at = random.below(members.count)
    switch random.below(6) {
    case 0: members[at] = JSONMember(members[at].name + ".other", members[at].value)
    case 1:
      let other = random.below(members.count)
      (members[at], members[other]) = (
        JSONMember(members[other].name, members[at].value),
        JSONMember(members[at].name, members[other].value)
      )
    case 2:
      let type = ["F16", "I16", "U16", "BF16"][random.below(4)]
      members[at] = JSONMember(
        members[at].name, replaced(members[at].value, "dtype", .string(type)))
    case 3:
      let shape = members[at].value["shape"]?.elements ?? []
      let changed = random.below(2) == 0 ? shape.reversed() : shape + [.int(1)]
      members[at] = JSONMember(
        members[at].name, replaced(members[at].value, "shape", .array(changed)))
    case 4:
      members.append(
        JSONMember(
          "empty",
          .object([
            "dtype": .string("F32"), "shape": .array([.int(0), .int(1 << 40)]),
            "data_offsets": .array([.int(data.count), .int(data.count)]),
          ])))
    default: break
    }
    header = .object(members)
    var bytes = Array(data)
    for _ in 0..<8 { bytes[random.below(bytes.count)] = random.below(2) == 0 ? 0xff : 0x7f }
    return file(header, bytes[...])
  }

  private static func replaced(_ node: JSONNode, _ name: String, _ value: JSONNode) -> JSONNode {
    .object((node.members ?? []).map { $0.name == name ? JSONMember(name, value) : $0 })
  }
}
