public import Formats
public import Models
public import Tokenizers

/// Lets people see the difference: the same openings continued by several models.
public struct SideBySide: Sendable {
  /// One opening, how it really went on, and how each arm went on.
  public struct Example: Equatable, Sendable {
    public let record: String
    public let opening: String
    public let real: String
    public var continuations: [(arm: String, text: String)]

    public static func == (a: Example, b: Example) -> Bool {
      a.record == b.record && a.opening == b.opening && a.real == b.real
        && a.continuations.elementsEqual(b.continuations) { $0 == $1 }
    }
  }

  public private(set) var examples: [Example] = []
  private var prompts: [[Int32]] = []
  private let tokenizer: any Tokenizer
  private let stop: Int32
  private let tokens: Int
  private let seed: UInt64

  /// Takes openings evenly from the test samples.
  public init(
    _ samples: [TokenSample], count: Int, tokens: Int, tokenizer: any Tokenizer, stop: Int32,
    seed: UInt64
  ) {
    self.tokenizer = tokenizer
    self.stop = stop
    self.tokens = tokens
    self.seed = seed
    var seen: Set<String> = []
    let whole = samples.filter { seen.insert($0.record).inserted && $0.ids.count > 40 }
    for i in 0..<min(count, whole.count) {
      let sample = whole[i * whole.count / min(count, whole.count)]
      let given = sample.labels.prefix { $0 == TokenSample.unlabelled }.count
      // A question is given whole, a free text by its first words.
      let cut = given > 1 ? given : 17
      prompts.append(Array(sample.ids[..<cut]))
      examples.append(
        Example(
          record: sample.record, opening: tokenizer.decode(Array(sample.ids[..<cut])),
          real: tokenizer.decode(Array(sample.ids[cut...].prefix(tokens))), continuations: []))
    }
  }

  /// Adds one arm's continuations.
  public mutating func add(_ arm: String, _ network: Network) throws(ModelError) {
    guard !prompts.isEmpty else { return }
    let results = try network.generate(
      prompts,
      options: GenerationOptions(
        maximumTokens: tokens, temperature: 0.7, topK: 40, topP: 0.95, seed: seed, stop: [stop]))
    for (i, result) in results.enumerated() {
      examples[i].continuations.append((arm, tokenizer.decode(result.tokens)))
    }
  }

  public var markdown: String {
    func quoted(_ text: String) -> String {
      text.split(separator: "\n", omittingEmptySubsequences: false).map { "> \($0)" }
        .joined(separator: "\n")
    }
    var lines: [String] = []
    for example in examples {
      lines += ["## \(example.record)", "", quoted(example.opening + " …"), ""]
      lines += ["**as written**", "", quoted(example.real), ""]
      for (arm, text) in example.continuations { lines += ["**\(arm)**", "", quoted(text), ""] }
    }
    return lines.joined(separator: "\n")
  }
}
