import PersonalLM

/// Stores what has come of one answer.
struct Answer {
  var text = ""
  var tokens: [Piece.Token] = []
  /// Where each token's text begins in `text`, in characters.
  var offsets: [Int] = []
  var end: Piece.End?
  var usage = Piece.Usage()

  /// Takes in a piece, and keeps its tokens.
  mutating func add(_ piece: Piece) {
    // What is known of the text before any answer is the prompt.
    offsets += AnswerFormat.offsets(piece.prompt, of: text, from: 0)
    offsets += AnswerFormat.offsets(piece.tokens, of: piece.text, from: text.unicodeScalars.count)
    tokens += piece.prompt + piece.tokens
    count(piece)
  }

  /// Takes in a piece whose tokens were told already.
  mutating func count(_ piece: Piece) {
    text += piece.text
    if let end = piece.end { self.end = end }
    if let usage = piece.usage { self.usage = usage }
  }
}
