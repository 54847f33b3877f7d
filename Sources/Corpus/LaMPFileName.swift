/// Stores what the name of a LaMP file says: which files belong together, and their side.
///
/// `LaMP_4_dev_questions.json` and `LaMP_4_dev_outputs.json` have one stem, and are of validation.
struct LaMPFileName {
  /// What the names of questions and their outputs have in common.
  let stem: String
  /// The side that a word of the name promises; nil where none does.
  let side: Side?

  init(_ path: String) {
    var folders = path.lowercased().split(separator: "/").map(String.init)
    let name = folders.popLast() ?? ""
    var words = name.split { "_-.".contains($0) }.map(String.init)
    while let last = words.last, last == "json" || last == "gz" { words.removeLast() }
    var named: Side?
    if let marker = words.lastIndex(where: { $0 == "questions" || $0 == "outputs" }) {
      words.remove(at: marker)
      // What stands before it may be anything: `test_of_time_train_questions.json` is of train.
      if marker > 0 { named = Self.sides[words[marker - 1]] }
    }
    side =
      named ?? words.lazy.compactMap { Self.sides[$0] }.first ?? Self.beginning(name)
      ?? folders.last.flatMap { Self.sides[$0] }
    stem = (folders + [words.joined(separator: "_")]).joined(separator: "/")
  }

  private static let sides: [String: Side] = [
    "dev": .validation, "val": .validation, "validation": .validation, "test": .test,
    "train": .history,
  ]

  /// The side of names such as `testset.json` and `dev2.json`: rather too little history than
  /// answers of a test in it.
  private static func beginning(_ name: String) -> Side? {
    if name.hasPrefix("test") { return .test }
    return name.hasPrefix("dev") || name.hasPrefix("val") ? .validation : nil
  }
}
