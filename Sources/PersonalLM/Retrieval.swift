import Corpus
import Persona
import Tokenizers

/// Puts one of the user's own texts before a prompt: the one that fits best what the prompt says.
///
/// As it is measured (`Evaluation.Retrieval`): the text (of a task the question with its answer) as
/// far as there is room, with what starts and ends texts, and the prompt, which has a start of its own.
struct Retrieval: Sendable {
  let index: BM25Index

  /// Room below which a passage is not worth its place.
  private static let leastRoom = 24

  /// What goes before a prompt; nothing where no text shares a word with the query, or where there
  /// is no room.
  func passage(for query: String, room: Int, tokenizer: any Tokenizer) -> [Int32] {
    let room = room - tokenizer.idsAround
    guard room >= Self.leastRoom, let best = index.search(query, limit: 1).first else { return [] }
    return tokenizer.standingBefore(
      Rendering(best.record).tokens(room: room) { tokenizer.encode($0, goesOn: $1) })
  }
}
