/// Judges single lines: what may not be written anywhere, and what needs a reason beside it.
enum Caution {
  /// The files that may step outside the compiler's checks of concurrency.
  static let unchecked: Set<String> = [
    "Sources/Bytes/MappedFile.swift",
    "Sources/Formats/StoredTensor.swift",
    "Sources/Formats/TensorView.swift",
    "Sources/Models/Adapter.swift",
    "Sources/Models/LanguageModel.swift",
    "Sources/ObjectStore/Parallel.swift",
  ]

  // Put together, so that this file does not hold what it looks for.
  private static let uncheckedWords = ["@unchecked" + " Sendable", "nonisolated" + "(unsafe)"]
  private static let endings = ["try" + "!", "fatal" + "Error("]
  private static let machinePaths = ["work", "root", "home"].map { "/" + $0 + "/" }

  /// What is wrong with a Swift file.
  static func problems(inSwift source: String, path: String) -> [String] {
    let text = SwiftText(source)
    var problems: [String] = []
    for (index, line) in text.code.enumerated() {
      for word in endings where line.contains(word) {
        problems.append("\(path):\(index + 1): \(word) ends the program where an error belongs")
      }
      for word in uncheckedWords where line.contains(word) {
        if !unchecked.contains(path) {
          problems.append("\(path):\(index + 1): \(word) outside the files that may")
        } else if !isExplained(text, at: index) {
          problems.append("\(path):\(index + 1): \(word) without a comment that says why it holds")
        }
      }
    }
    return problems
  }

  /// Whether a comment stands within the five lines around.
  private static func isExplained(_ text: SwiftText, at index: Int) -> Bool {
    (index - 5...index + 5).contains { text.commented.contains($0) }
  }

  /// What is wrong with any file of text.
  static func problems(inText source: String, path: String) -> [String] {
    source.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap {
      index, line in
      machinePaths.filter { names($0, in: line) }.map {
        "\(path):\(index + 1): the path \($0) is of one machine only"
      }
    }
  }

  /// Whether a path begins here, rather than going on.
  private static func names(_ path: String, in line: Substring) -> Bool {
    var rest = line
    while let found = rest.start(of: path) {
      let before = found > line.startIndex ? line[line.index(before: found)] : " "
      if !before.isLetter, !before.isNumber, !"._-)}]>*~%…".contains(before) { return true }
      rest = rest[rest.index(after: found)...]
    }
    return false
  }
}
