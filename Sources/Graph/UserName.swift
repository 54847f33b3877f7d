import Bytes

/// Turns the name of a user, which may be any text, into one that fits paths and targets.
public enum UserName {
  /// The file beside the users' folders of gathered results that names those who have none.
  public static let missingList = "missing.json"

  /// Percent-encodes every byte outside `[A-Za-z0-9._-]`, a leading dot, and the first letter of
  /// `missing.json`, which lists beside the users' folders whose results are not there.
  ///
  /// A name longer than 200 bytes once encoded keeps its first 100 bytes, followed by `~` and its
  /// SHA-256 (`~` is encoded everywhere else, so no other name can look like it).
  public static func encoded(_ name: String) -> String {
    var bytes: [UInt8] = []
    for (index, unit) in name.utf8.enumerated() {
      let isReserved = index == 0 && (unit == UInt8(ascii: ".") || name == missingList)
      if isPlain(unit), !isReserved {
        bytes.append(unit)
      } else {
        bytes.append(UInt8(ascii: "%"))
        bytes.append(hex(unit >> 4))
        bytes.append(hex(unit & 15))
      }
    }
    if bytes.count > 200 {
      return String(decoding: bytes.prefix(100), as: UTF8.self) + "~" + Digest(of: name).hex
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The name of a node of a user, `USER/NODE`, or of one that is of no user, `NODE`.
  public static func target(user: String?, node: String) -> String {
    (user.map { encoded($0) + "/" } ?? "") + node
  }

  private static func isPlain(_ unit: UInt8) -> Bool {
    switch unit {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private static func hex(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "A") + nibble - 10
  }
}
