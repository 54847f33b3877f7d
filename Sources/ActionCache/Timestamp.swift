#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores a moment to the millisecond, for the journal alone: no artifact ever holds one.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Milliseconds since 1970, in universal time.
  public let milliseconds: Int

  public init(milliseconds: Int) { self.milliseconds = milliseconds }

  public static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int(time.tv_sec) * 1000 + Int(time.tv_nsec) / 1_000_000)
  }

  /// Seconds from another moment to this one.
  public func seconds(since other: Timestamp) -> Double {
    Double(milliseconds - other.milliseconds) / 1000
  }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

  /// The moment as `2026-11-22T16:20:00.123Z`.
  public var description: String {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func digits(_ value: some BinaryInteger, _ width: Int = 2) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let date =
      "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
    let clock = "\(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec))"
    return "\(date)T\(clock).\(digits(milliseconds % 1000, 3))Z"
  }

  /// Reads what `description` writes.
  public init?(_ text: String) {
    let numbers = text.split(whereSeparator: { !("0"..."9").contains($0) }).compactMap { Int($0) }
    guard numbers.count == 7, text.utf8.count == 24, text.hasSuffix("Z") else { return nil }
    var parts = tm()
    parts.tm_year = Int32(truncatingIfNeeded: numbers[0] - 1900)
    parts.tm_mon = Int32(truncatingIfNeeded: numbers[1] - 1)
    parts.tm_mday = Int32(truncatingIfNeeded: numbers[2])
    parts.tm_hour = Int32(truncatingIfNeeded: numbers[3])
    parts.tm_min = Int32(truncatingIfNeeded: numbers[4])
    parts.tm_sec = Int32(truncatingIfNeeded: numbers[5])
    milliseconds = timegm(&parts) * 1000 + numbers[6]
  }
}
