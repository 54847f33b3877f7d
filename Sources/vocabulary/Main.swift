import Bytes
import Corpus
import Encoding
import StageKit
import Tokenizers

/// Learns a byte-level BPE vocabulary from a corpus.
@main enum Vocabulary: Stage {
  static let name = "vocabulary"
  static let version = 2
  static let summary = "Learns a byte-level BPE vocabulary from a corpus."

  static let inputs = [
    Input("corpus", kind: "corpus", help: "Text or JSON Lines, also gzip'd: a file or a folder.")
  ]
  static let outputs = [
    Output(
      "tokenizer", kind: "tokenizer",
      help: "tokenizer.json, tokenizer_config.json, and words.tsv with counts of common words.")
  ]

  static let size = Parameter(
    "size", default: 8192, in: 258...1 << 20, help: "Entries: end of text, 256 bytes, the rest.")
  static let bytes = Parameter(
    "bytes", default: 64 << 20, in: 1 << 10...1 << 40,
    help: "How much text to learn from; parts of the corpus are chosen by the seed.")
  static let words = Parameter(
    "words", default: 20_000, in: 0...10_000_000, help: "Entries of words.tsv.")
  static let seed = Parameter("seed", default: 1, in: 0...Int.max, help: "Chooses the parts.")
  static let parameters: [any ParameterDeclaration] = [size, bytes, words, seed]

  static func run(_ context: StageContext) async throws {
    let corpus = try context.input("corpus")
    let files = CorpusFiles(paths: corpus.isTree ? corpus.paths : [""]) { try corpus.map($0) }
    var total = 0
    try files.forEach { total += $1.count }
    let share = Double(context[bytes]) / Double(max(total, 1))
    context.progress(["corpus_bytes": .int(total), "share": .double(min(share, 1))])

    var pieces = WordCounts()
    var common: [String: Int] = [:]
    var random = SeededRandom(seed: UInt64(context[seed]), purpose: "parts of the corpus")
    try files.forEach { _, text in
      text.withUnsafeBufferPointer { text in
        for part in parts(of: text) where random.uniform() < share {
          let part = UnsafeBufferPointer(rebasing: text[part])
          pieces.add(part, rule: .gpt2)
          for word in Words.lowercased(String(decoding: part, as: UTF8.self)) {
            common[word, default: 0] += 1
          }
        }
      }
    }
    context.progress(["distinct_words": .int(pieces.count)])

    var trainer = VocabularyTrainer(pieces)
    let tokenizer = try trainer.train(size: context[size])
    if tokenizer.vocabularyCount < context[size] {
      throw VocabularyError.tooLittleText(
        pieces: tokenizer.vocabularyCount, wanted: context[size])
    }
    let output = context.output("tokenizer")
    try output.write("tokenizer.json", tokenizer.json())
    try output.write("tokenizer_config.json", tokenizer.configJSON())
    try output.write("words.tsv", text: table(common, most: context[words]))
    context.progress(["entries": .int(tokenizer.vocabularyCount)])
  }

  /// Cuts a document into parts of some 64 kB that end at line ends.
  private static func parts(of text: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = 0
    while start < text.count {
      let least = min(start + 1 << 16, text.count)
      let end = text[least...].firstIndex(of: 0x0a).map { $0 + 1 } ?? text.count
      parts.append(start..<end)
      start = end
    }
    return parts
  }

  /// The most frequent words, a line each: word, tab, count.
  private static func table(_ counts: [String: Int], most: Int) -> String {
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted.prefix(most).map { "\($0.key)\t\($0.value)\n" }.joined()
  }
}
