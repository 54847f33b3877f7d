/// Stores how far what surrounds a vocabulary does what llama.cpp does with those of Llama's kind: a
/// space before every text and behind every special token, marks for spaces, nothing else.
struct LlamaLikeness {
  /// Where another start is put before texts than llama.cpp does; nil where there is none.
  private var otherStart: PreTokenizer.Prepending?
  /// Whether several spaces become one, and those at the ends none.
  private var collapses = false

  /// - Returns: nil where something else is done, which llama.cpp has no words for.
  init?(_ pipeline: TextPipeline) {
    var steps = pipeline.normalizer.steps[...]
    collapses = Self.takeCollapsing(from: &steps)
    if pipeline.preTokenizer.steps.isEmpty {
      guard steps.count == 2, case .prepend(let start) = steps.removeFirst(),
        // What becomes a mark in the next step is as good as one.
        start == SentencePieces.mark || start == [0x20], Self.takeMarking(from: &steps)
      else { return nil }
      return
    }
    guard pipeline.preTokenizer.steps.count == 1,
      case .metaspace(SentencePieces.mark, let prepending, splits: false) =
        pipeline.preTokenizer.steps[0],
      prepending != .never
    else { return nil }
    // Metaspace leaves a text alone that begins with a mark, unless that was doubled before.
    let isDoubled = Self.takeMarking(from: &steps) && Self.takeDoubling(from: &steps)
    guard steps.isEmpty else { return nil }
    otherStart = isDoubled && prepending == .always ? nil : prepending
  }

  /// In which texts llama.cpp gives other ids, for people; nil where it gives the same.
  var difference: String? {
    var parts: [String] = []
    switch otherStart {
    case .first:
      parts.append(
        "llama.cpp puts a space before every text and behind every special token, the base's tokenizer "
          + "only before texts that begin without one")
    case .always:
      parts.append(
        "llama.cpp puts a space before every text and behind every special token, the base's tokenizer "
          + "only where there is none")
    default: break
    }
    if collapses {
      parts.append(
        "llama.cpp keeps every space, the base's tokenizer makes one of several and drops those at the "
          + "ends")
    }
    guard !parts.isEmpty else { return nil }
    return "some texts get other ids from llama.cpp: " + parts.joined(separator: "; ")
  }

  private typealias Steps = ArraySlice<Normalizer.Step>

  /// As SentencePiece does it, or as transformers spells that.
  private static func takeCollapsing(from steps: inout Steps) -> Bool {
    if case .collapseSpaces? = steps.first {
      steps.removeFirst()
      if case .dropTrailing(SentencePieces.mark)? = steps.last { steps.removeLast() }
      return true
    }
    guard steps.count > 2,
      case .replace(.pattern(let ends), by: []) = steps[steps.startIndex],
      ends.source == #"\A +| +\z"#,
      case .replace(.pattern(let several), by: [0x20]) = steps[steps.startIndex + 1],
      several.source == " {2,}"
    else { return false }
    steps.removeFirst(2)
    return true
  }

  private static func takeMarking(from steps: inout Steps) -> Bool {
    guard case .replace(.text([0x20]), by: SentencePieces.mark)? = steps.first else { return false }
    steps.removeFirst()
    return true
  }

  private static func takeDoubling(from steps: inout Steps) -> Bool {
    let mark = SentencePieces.mark
    guard case .replace(.pattern(let start), let new)? = steps.first,
      start.source == "\\A\u{2581}", new == mark + mark
    else { return false }
    steps.removeFirst()
    return true
  }
}
