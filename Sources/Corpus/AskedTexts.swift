/// Recognises texts that a question asks about, also where a few words, marks or letters differ.
struct AskedTexts {
  /// Above this share of its shingles in one asked text, a text is about the same.
  static let share = 0.5

  /// The numbers of the asked texts that a shingle occurs in.
  private var texts: [UInt64: [Int]] = [:]
  private var count = 0
  /// Texts that consist of signs alone, which have no shingles.
  private var wordless: Set<String> = []

  /// Adds what a question asks about.
  mutating func add(_ text: String) {
    let shingles = Shingles.hashes(of: text)
    if shingles.isEmpty { wordless.insert(text) }
    for shingle in shingles { texts[shingle, default: []].append(count) }
    count += 1
  }

  /// Whether a text is the same as an asked one, or has most of its shingles in it.
  ///
  /// Texts with the same words have the same shingles, however they are written.
  func hold(_ text: String) -> Bool {
    let shingles = Shingles.hashes(of: text)
    guard !shingles.isEmpty else { return wordless.contains(text) }
    var shared: [Int: Int] = [:]
    for shingle in shingles {
      for number in texts[shingle] ?? [] { shared[number, default: 0] += 1 }
    }
    return shared.values.contains { Self.isAboutSame(shared: $0, of: shingles.count) }
  }

  /// Whether a text that has so many of its shingles in another is about the same.
  static func isAboutSame(shared: Int, of count: Int) -> Bool {
    Double(shared) > share * Double(count)
  }
}
