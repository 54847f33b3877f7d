public import Crypto

/// Stores the SHA-256 of some content: the name of an artifact, an action or a request.
///
/// Written `sha256:` and 64 lower-case hexadecimal digits.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The 32 bytes, big-endian, as four words; compared in that order.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// Takes over a finished hash.
  public init(_ hash: SHA256Digest) {
    self.init(bytes: Array(hash))
  }

  /// Hashes content held in memory.
  public init(of content: some Sequence<UInt8>) {
    var hasher = Hasher256()
    hasher.update(Array(content))
    self = hasher.finish()
  }

  /// Hashes the UTF-8 of a text.
  public init(of text: String) {
    self.init(of: text.utf8)
  }

  private init(bytes: [UInt8]) {
    func word(_ at: Int) -> UInt64 {
      bytes[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    words = (word(0), word(8), word(16), word(24))
  }

  /// Reads `sha256:…` or the bare 64 digits; nil if it is neither.
  public init?(_ text: some StringProtocol) {
    let digits = text.hasPrefix(Self.scheme) ? text.dropFirst(Self.scheme.count) : text[...]
    guard digits.utf8.count == 64 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    var high: UInt8?
    for unit in digits.utf8 {
      guard let nibble = Self.nibble(unit) else { return nil }
      if let first = high {
        bytes.append(first << 4 | nibble)
        high = nil
      } else {
        high = nibble
      }
    }
    self.init(bytes: bytes)
  }

  /// The prefix that names the kind of digest, so that it can change one day.
  public static let scheme = "sha256:"

  /// The 64 digits without the scheme.
  public var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for word in [words.0, words.1, words.2, words.3] {
      for shift in stride(from: 60, through: 0, by: -4) {
        text.append(digits[Int(word >> UInt64(shift) & 15)])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  public var description: String { Self.scheme + hex }

  /// The first twelve digits, for people.
  public var short: String { String(hex.prefix(12)) }

  private static func nibble(_ unit: UInt8) -> UInt8? {
    switch unit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): unit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): unit - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
  public static func < (a: Digest, b: Digest) -> Bool { a.words < b.words }
  public func hash(into hasher: inout Swift.Hasher) { hasher.combine(words.0) }
}

extension Digest: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "not a sha256 digest: \(text)")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Accumulates content piece by piece into a digest.
public struct Hasher256 {
  private var state = SHA256()

  public init() {}

  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { state.update(bufferPointer: $0) }
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    state.update(bufferPointer: bytes)
  }

  public func finish() -> Digest { Digest(state.finalize()) }
}
