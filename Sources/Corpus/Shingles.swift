import Bytes
import Foundation

/// Stores hashes of the word sequences of some texts: enough to recognise a copy, not to read it.
public struct Shingles: Equatable, Sendable {
  /// How many words a shingle has.
  public static let words = 5
  /// The hashes, in order.
  public private(set) var hashes: Set<UInt64>

  public init(_ hashes: Set<UInt64> = []) { self.hashes = hashes }

  /// Gathers the shingles of whole records: text, title and answer.
  public init(of records: [Record]) {
    hashes = []
    for record in records {
      for part in [record.text, record.title, record.output] {
        if let part { hashes.formUnion(Self.hashes(of: part)) }
      }
    }
  }

  /// The hashes of the shingles of a text; a shorter text is one shingle as a whole.
  public static func hashes(of text: String) -> Set<UInt64> {
    let words = Words.lowercased(text).map(hash)
    guard !words.isEmpty else { return [] }
    guard words.count > Self.words else { return [combine(words[...])] }
    return Set((0...words.count - Self.words).map { combine(words[$0..<$0 + Self.words]) })
  }

  /// The share of a text's shingles that are among these; 0 for a text without words.
  public func share(of text: String) -> Double {
    let own = Self.hashes(of: text)
    guard !own.isEmpty else { return 0 }
    return Double(own.count { hashes.contains($0) }) / Double(own.count)
  }

  /// FNV-1a over the UTF-8 of a word.
  private static func hash(_ word: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  /// Mixes the hashes of words into one, depending on their order.
  private static func combine(_ words: ArraySlice<UInt64>) -> UInt64 {
    var mixed: UInt64 = 0
    for word in words {
      var random = SeededRandom(seed: mixed ^ word)
      mixed = random.next()
    }
    return mixed
  }

  private struct File: Codable {
    let words: Int
    let hashes: [String]
  }

  /// Writes the file `shingles.json`.
  public func encoded() throws(CorpusError) -> [UInt8] {
    let digits = hashes.sorted().map { hash in
      let text = String(hash, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    do {
      return Array(try encoder.encode(File(words: Self.words, hashes: digits)))
    } catch {
      throw .unwritable(index: 0, reason: String(describing: error))
    }
  }

  /// Reads the file `shingles.json`.
  public init(decoding bytes: [UInt8]) throws(CorpusError) {
    let file: File
    do {
      file = try JSONDecoder().decode(File.self, from: Data(bytes))
    } catch {
      throw .format(path: "shingles", reason: JSONLines.reason(error))
    }
    guard file.words == Self.words else {
      throw .format(path: "shingles", reason: "shingles of \(file.words) words")
    }
    hashes = Set(file.hashes.compactMap { UInt64($0, radix: 16) })
  }
}
