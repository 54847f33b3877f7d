/// Writes and reads bytes as `%XX`, for names that would break a line or are not UTF-8.
enum PercentCoding {
  private static let digits = Array("0123456789ABCDEF".utf8)

  static func append(_ byte: UInt8, to out: inout [UInt8]) {
    out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
  }

  /// The path of a listing: control characters, space and the percent sign are encoded.
  static func listed(_ path: String) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(path.utf8.count)
    for byte in path.utf8 {
      if byte < 0x21 || byte == 0x7f || byte == UInt8(ascii: "%") {
        append(byte, to: &out)
      } else {
        out.append(byte)
      }
    }
    return out
  }

  /// The path that `listed` was made from; nil if it is not UTF-8 or ends in half an escape.
  static func decoded(_ listed: ArraySlice<UInt8>) -> String? {
    var out: [UInt8] = []
    out.reserveCapacity(listed.count)
    var at = listed.startIndex
    while at < listed.endIndex {
      let byte = listed[at]
      at += 1
      guard byte == UInt8(ascii: "%") else {
        out.append(byte)
        continue
      }
      guard listed.endIndex - at >= 2, let high = digits.firstIndex(of: listed[at]),
        let low = digits.firstIndex(of: listed[at + 1])
      else { return nil }
      out.append(UInt8(high << 4 | low))
      at += 2
    }
    return String(validating: out, as: UTF8.self)
  }

  /// A file's name as text: itself, or with the bytes that are no UTF-8 encoded.
  static func text(ofName name: [UInt8]) -> String {
    if let text = String(validating: name, as: UTF8.self) { return text }
    var out: [UInt8] = []
    var rest = name[...]
    while let byte = rest.first {
      // A scalar takes one to four bytes; the shortest valid run is taken whole.
      let run = (1...4).first {
        $0 <= rest.count && String(validating: rest.prefix($0), as: UTF8.self) != nil
      }
      if let run {
        out += rest.prefix(run)
        rest = rest.dropFirst(run)
      } else {
        append(byte, to: &out)
        rest = rest.dropFirst()
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
