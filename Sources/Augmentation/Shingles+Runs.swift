import Corpus

extension Shingles {
  /// How many words the longest passage has all of whose shingles are among these; 0 if there is
  /// none of a shingle's length.
  ///
  /// What a share over a whole text does not tell: a short text that stands in a long one.
  func longestRun(in words: [String]) -> Int {
    guard words.count >= Self.words else { return 0 }
    var (run, longest) = (0, 0)
    for start in 0...words.count - Self.words {
      let shingle = Self.hashes(of: words[start..<start + Self.words].joined(separator: " "))
      run = hashes.isSuperset(of: shingle) ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest > 0 ? longest + Self.words - 1 : 0
  }
}
