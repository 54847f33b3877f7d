import Corpus
import Persona
import Tokenizers

/// Puts one of the user's own texts before a prompt: the one that fits best what the prompt says.
///
/// As it is measured (`Evaluation.Retrieval`): a separator, the text (of a task the question with its
/// answer) as far as there is room, and the prompt, which begins with a separator of its own.
struct Retrieval: Sendable {
  let index: BM25Index
  let separator: Int32

  /// Room below which a passage is not worth its place.
  private static let leastRoom = 24

  /// What goes before a prompt; nothing where no text shares a word with the query, or where there
  /// is no room.
  func passage(for query: String, room: Int, tokenizer: any Tokenizer) -> [Int32] {
    guard room - 1 >= Self.leastRoom, let best = index.search(query, limit: 1).first else {
      return []
    }
    return [separator]
      + Rendering(best.record).tokens(room: room - 1) { tokenizer.encode($0) }
  }
}
