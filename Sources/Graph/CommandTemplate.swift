/// Fills the places of a command's words: `{in.NAME}`, `{out.NAME}`, `{set.NAME}`.
public enum CommandTemplate {
  /// Returns what stands between braces in a word, where it looks like a place to fill.
  public static func placeholders(in word: String) -> [String] {
    parts(of: word).compactMap { part in
      if case .place(let name) = part { name } else { nil }
    }
  }

  /// Returns the word with every place filled; `value` gives what belongs there.
  public static func fill(_ word: String, with value: (String) -> String?) -> String {
    parts(of: word).map { part in
      switch part {
      case .text(let text): text
      case .place(let name): value(name) ?? "{\(name)}"
      }
    }.joined()
  }

  private enum Part {
    case text(String)
    case place(String)
  }

  private static func parts(of word: String) -> [Part] {
    var parts: [Part] = []
    var rest = word[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      let name = rest[rest.index(after: open)..<close]
      if ["in.", "out.", "set."].contains(where: name.hasPrefix) {
        parts.append(.text(String(rest[..<open])))
        parts.append(.place(String(name)))
        rest = rest[rest.index(after: close)...]
      } else {
        // Braces of the program's own (JSON, awk) stay as they are.
        parts.append(.text(String(rest[...open])))
        rest = rest[rest.index(after: open)...]
      }
    }
    parts.append(.text(String(rest)))
    return parts
  }
}
