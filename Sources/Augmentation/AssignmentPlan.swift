import Bytes
public import Corpus

/// Decides which records are shown for which sample, from the seed alone.
public enum AssignmentPlan {
  /// Plans assignments: each record is a subject once before one is so again, and the examples are
  /// records of the same kind that are not the subject.
  /// - Parameters:
  ///   - examples: how many are shown at most.
  public static func make(
    _ history: [Record], count: Int, examples: Int, seed: UInt64
  ) -> [Assignment] {
    // In order of their ids, so that the order of the file does not matter.
    let records = history.sorted { $0.id < $1.id }
    guard !records.isEmpty else { return [] }
    let kinds = records.map { Rendering($0).prompt.isEmpty }
    var random = SeededRandom(seed: seed, purpose: "assignments")
    var assignments: [Assignment] = []
    var waiting: [Int] = []
    for number in 0..<max(0, count) {
      if waiting.isEmpty {
        waiting = Array(records.indices)
        random.shuffle(&waiting)
      }
      let subject = waiting.removeLast()
      var shown: [Int] = []
      let others = records.count - 1
      let wanted = min(examples, others)
      // Drawn with a bound on the misses: a user may have one record of a kind.
      var draws = 0
      while shown.count < wanted, draws < 20 * (wanted + 1) {
        draws += 1
        let at = random.below(records.count)
        if at != subject, kinds[at] == kinds[subject], !shown.contains(at) { shown.append(at) }
      }
      assignments.append(
        Assignment(number: number, examples: shown.map { records[$0] }, subject: records[subject]))
    }
    return assignments
  }
}
