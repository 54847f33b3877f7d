/// Recognises what assistants say instead of writing.
enum Boilerplate {
  /// Whether a text has a phrase of an assistant that the user does not use.
  /// - Parameter own: all of the user's texts, `normalised`.
  static func isIn(_ text: String, own: String) -> Bool {
    let lower = normalised(text)
    let start = lower.prefix(80)
    return openings.contains { start.hasPrefix($0) && !own.contains($0) }
      || phrases.contains { lower.contains($0) && !own.contains($0) }
  }

  /// A text in lower case, with straight apostrophes.
  static func normalised(_ text: String) -> String {
    text.lowercased().replacing("\u{2019}", with: "'")
  }

  private static let openings = [
    "sure,", "sure!", "certainly!", "certainly,", "of course!", "here is", "here's", "here are",
    "i'm sorry, but", "i am sorry, but", "sorry, but", "i cannot", "i can't", "i'm unable",
    "i am unable", "as requested", "okay, here", "text:", "output:", "sample 1", "title:",
  ]
  private static let phrases = [
    "as an ai", "language model", "i cannot fulfil", "i can't assist", "i cannot assist",
    "i can't help with", "openai", "in the style of", "in the manner of the person",
    "<|", "[insert", "lorem ipsum", "\"samples\"", "as per your request",
  ]
}
