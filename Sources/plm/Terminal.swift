import Bytes
import Foundation

/// Writes results to standard output and everything else to standard error.
enum Terminal {
  static func complain(_ text: String) { tell(text + "\n") }

  /// Writes to standard error what a build can do without: where it cannot be written, it is lost.
  static func tell(_ text: String) { _ = write(Array(text.utf8), to: 2) }

  /// Writes results. Where that fails the program ends: silently if the reader has gone, as in
  /// `plm cat … | head`.
  static func write(_ bytes: some Sequence<UInt8>) {
    let code = write(Array(bytes), to: 1)
    guard code != 0 else { return }
    if code == EPIPE { exit(Ending.readerGone) }
    complain("plm: \(FileError(.write, "standard output", code: code))")
    exit(Ending.later)
  }

  /// Writes all of it, and returns 0, or why not.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = SystemCall.write(descriptor, UnsafeRawBufferPointer(rebasing: rest))
        if count < 0, errno == EINTR || errno == EAGAIN { continue }
        guard count > 0 else { return errno }
        rest = rest.dropFirst(count)
      }
      return 0
    }
  }

  static func write(_ text: String) { write(text.utf8) }

  /// Writes one line of JSON.
  static func write(_ json: JSON) { write(json.text + "\n") }

  static var isInteractive: Bool { isatty(2) == 1 }

  /// A table with columns as wide as they need to be.
  static func table(_ rows: [[String]]) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        if column < row.count - 1 {
          line += String(repeating: " ", count: widths[column] - cell.count + 2)
        }
      }
      return line + "\n"
    }.joined()
  }

  /// A size for people.
  static func size(_ bytes: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(bytes) B" : String(format: "%.1f %@", value, units[unit])
  }

  /// A length of time for people.
  static func time(_ seconds: Double) -> String {
    if seconds < 10 { return String(format: "%.1f s", seconds) }
    if seconds < 90 { return "\(Int(seconds.rounded())) s" }
    let minutes = Int((seconds / 60).rounded())
    return minutes < 90
      ? "\(minutes) min" : String(format: "%d h %02d min", minutes / 60, minutes % 60)
  }
}

extension JSON {
  /// The value over several lines, for people.
  var pretty: String { pretty(indent: "") }

  private func pretty(indent: String) -> String {
    let deeper = indent + "  "
    switch self {
    case .array(let elements) where !elements.isEmpty:
      let lines = elements.map { deeper + $0.pretty(indent: deeper) }
      return "[\n" + lines.joined(separator: ",\n") + "\n" + indent + "]"
    case .object(let members) where !members.isEmpty:
      let lines = members.sorted { $0.key < $1.key }.map { name, value in
        "\(deeper)\(JSON.string(name).text): \(value.pretty(indent: deeper))"
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n" + indent + "}"
    default: return text
    }
  }
}
