/// Names the rules by which a vocabulary was trained on words.
public enum CuttingRule: String, Sendable, Equatable {
  /// GPT-2's expression: contractions, letters, numbers, others, each with at most one space
  /// before, and spaces.
  case gpt2 = "gpt-2"
  /// As GPT-2, after every digit has been set apart (SmolLM, StarCoder).
  case digitsApart = "smollm"
  /// Qwen2's expression, on text in normal form C.
  case qwen2 = "qwen2"
  /// Llama 3's expression: Qwen2's with up to three digits together.
  case llama3 = "llama-bpe"

  /// The expression as tokenizer.json holds it; none where the rule is not one expression.
  var expression: String? {
    switch self {
    case .gpt2, .digitsApart: nil
    case .qwen2: Self.shared(numbers: #"\p{N}"#)
    case .llama3: Self.shared(numbers: #"\p{N}{1,3}"#)
    }
  }

  private static func shared(numbers: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + numbers
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }
}
