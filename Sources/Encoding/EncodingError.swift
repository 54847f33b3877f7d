/// Says why texts cannot be turned into samples.
public enum EncodingError: Error, Equatable, Sendable {
  /// A window too small to hold a prompt and an answer.
  case windowTooSmall(Int)
  /// A tokenizer that names no token for the end of a text.
  case noSeparator
}

extension EncodingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .windowTooSmall(let window):
      "the window is too small · \(window) tokens · set window to 8 or more"
    case .noSeparator:
      "the tokenizer names no end of text · no eos_token, no <|endoftext|> · "
        + "add eos_token to tokenizer_config.json"
    }
  }
}
