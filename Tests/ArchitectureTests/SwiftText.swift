/// Stores Swift source in two forms: as written, and with comments and texts blanked out, so that
/// a word in a comment or a message is not taken for code. Lines stay where they are.
struct SwiftText {
  let lines: [Substring]
  let code: [Substring]
  /// The lines that hold a comment or part of one, counted from nought.
  let commented: Set<Int>

  init(_ source: String) {
    lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    var blanker = Blanker(Array(source.unicodeScalars))
    code = blanker.blanked().split(separator: "\n", omittingEmptySubsequences: false)
    commented = blanker.commented
  }

  /// One import line.
  struct Import: Equatable {
    let module: String
    let line: Int
  }

  /// The modules imported, with `import struct Foo.Bar` counted as `Foo`.
  var imports: [Import] {
    let kinds: Set<Substring> = [
      "struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor",
    ]
    return code.enumerated().compactMap { index, line in
      // Several statements may stand on one line.
      line.split(separator: ";").compactMap { statement -> Import? in
        let words = statement.split(separator: " ")
        guard let at = words.firstIndex(of: "import"),
          words[..<at].allSatisfy({ Self.mayPrecedeImport($0) })
        else { return nil }
        let name = words[(at + 1)...].first { !kinds.contains($0) }
        return name.flatMap { $0.split(separator: ".").first }
          .map { Import(module: String($0), line: index + 1) }
      }
    }.flatMap { $0 }
  }

  private static func mayPrecedeImport(_ word: Substring) -> Bool {
    let access: Set<Substring> = ["public", "package", "internal", "private", "fileprivate"]
    return word.hasPrefix("@") || access.contains(word)
  }
}

/// Replaces comments and the content of texts by spaces.
private struct Blanker {
  private let source: [Unicode.Scalar]
  private var at = 0
  private var line = 0
  private var out = String.UnicodeScalarView()
  private(set) var commented: Set<Int> = []

  init(_ source: [Unicode.Scalar]) { self.source = source }

  mutating func blanked() -> String {
    while at < source.count {
      if starts("//") {
        commented.insert(line)
        while at < source.count, source[at] != "\n" { blank() }
      } else if starts("/*") {
        comment()
      } else if let hashes = openingText() {
        text(hashes: hashes)
      } else {
        keep()
      }
    }
    return String(out)
  }

  private func starts(_ word: String, at offset: Int = 0) -> Bool {
    let word = word.unicodeScalars
    return at + offset + word.count <= source.count
      && source[(at + offset)..<(at + offset + word.count)].elementsEqual(word)
  }

  private mutating func keep() {
    if source[at] == "\n" { line += 1 }
    out.append(source[at])
    at += 1
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where at < source.count {
      if source[at] == "\n" { line += 1 }
      out.append(source[at] == "\n" ? "\n" : " ")
      at += 1
    }
  }

  private mutating func comment() {
    var depth = 0
    repeat {
      commented.insert(line)
      if starts("/*") {
        depth += 1
        blank(2)
      } else if starts("*/") {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && at < source.count
  }

  /// How many number signs stand before a quote that opens a text here; nil if none opens.
  private func openingText() -> Int? {
    var hashes = 0
    while starts("#", at: hashes) { hashes += 1 }
    return starts("\"", at: hashes) ? hashes : nil
  }

  private mutating func text(hashes: Int) {
    let marks = String(repeating: "#", count: hashes)
    blank(hashes)
    let quotes = starts("\"\"\"") ? "\"\"\"" : "\""
    blank(quotes.count)
    while at < source.count {
      if starts(quotes + marks) {
        blank(quotes.count + hashes)
        return
      }
      if starts("\\" + marks + "(") {
        blank(2 + hashes)
        interpolation()
      } else if starts("\\" + marks) {
        blank(2 + hashes)
      } else if source[at] == "\n", quotes.count == 1 {
        return
      } else {
        blank()
      }
    }
  }

  /// Code within a text is kept as code.
  private mutating func interpolation() {
    var depth = 1
    while at < source.count, depth > 0 {
      if let hashes = openingText() {
        text(hashes: hashes)
        continue
      }
      if source[at] == "(" { depth += 1 }
      if source[at] == ")" { depth -= 1 }
      if depth == 0 { blank() } else { keep() }
    }
  }
}
