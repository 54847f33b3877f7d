/// Says what a model could not do, as facts.
public enum ModelError: Error, Equatable, Sendable {
  /// A token id that the vocabulary does not have.
  case tokenOutOfRange(id: Int32, vocabulary: Int)
  /// A sequence longer than the positions the model was made for.
  case tooLong(tokens: Int, positions: Int)
  /// An adapter for a projection or shape that the base does not have.
  case adapterMismatch(tensor: String, expected: [Int], found: [Int])
  /// A prompt without a single token.
  case emptyPrompt
  /// A sequence whose cache would not fit into the memory set aside for caches.
  case noRoom(bytes: Int, limit: Int)
}

extension ModelError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tokenOutOfRange(let id, let vocabulary):
      "token id out of range · id \(id), vocabulary of \(vocabulary) · "
        + "tokenise with the tokenizer of this base"
    case .tooLong(let tokens, let positions):
      "sequence too long · \(tokens) tokens, the model has \(positions) positions · "
        + "give a shorter text; for training, set max_length to at most \(positions) and tokenise "
        + "again"
    case .adapterMismatch(let tensor, let expected, let found):
      "adapter does not fit the base · \(tensor): expected shape \(expected), found \(found) · "
        + "use the base it was trained on"
    case .noRoom(let bytes, let limit):
      "sequence too long for the memory set aside for caches · \(bytes) bytes of \(limit) · "
        + "ask for fewer tokens, or set aside more"
    case .emptyPrompt:
      "empty prompt · no token to start from · give a text, or a model with a begin-of-text token"
    }
  }
}
