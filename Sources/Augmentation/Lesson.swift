import Bytes
public import Corpus

/// Carries out a plan: asks a teacher for what is not kept yet, and gathers the samples.
public struct Lesson: Sendable {
  public let samples: [Sample]
  /// Every request with its draw, in the order of the plan.
  public let requests: [TeacherRequest]
  /// How many requests had to be answered this time; depends on what was kept.
  public let asked: Int
  /// How many replies were not in the form that was asked for.
  public let unreadable: Int

  /// - Parameters:
  ///   - cap: how many requests may be sent; 0 for any number.
  ///   - progress: called with how many replies there are of how many.
  /// - Throws: what the teacher says, or `TeacherError.cap`. What was answered until then is kept.
  public init(
    _ assignments: [Assignment], teacher: some Teacher, replies: some ReplyKeeping, cap: Int = 0,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) async throws {
    try teacher.check(assignments)
    requests = Self.numbered(assignments.map { teacher.request(for: $0) })
    var asked = 0
    for start in stride(from: 0, to: requests.count, by: max(1, teacher.batchSize)) {
      let end = min(start + max(1, teacher.batchSize), requests.count)
      let batch = Array(requests[start..<end])
      var missing: [Int] = []
      for (place, request) in batch.enumerated()
      where try replies.reply(to: request.digest, draw: request.draw) == nil {
        missing.append(place)
      }
      if !missing.isEmpty {
        let allowed = cap == 0 ? missing.count : min(missing.count, cap - asked)
        let isCut = allowed < missing.count
        missing.removeLast(missing.count - allowed)
        guard !isCut || !missing.isEmpty else {
          throw TeacherError.cap(cap, remaining: requests.count - start)
        }
        asked += missing.count
        let wanted = Set(missing)
        try await teacher.answer(batch, missing: missing) { place, reply in
          guard wanted.contains(place) else { return }
          try replies.keep(reply, to: batch[place].digest, draw: batch[place].draw)
        }
        if isCut { throw TeacherError.cap(cap, remaining: requests.count - start - allowed) }
      }
      progress(end, requests.count)
    }
    var samples: [Sample] = []
    var unreadable = 0
    for (assignment, request) in zip(assignments, requests) {
      guard let reply = try replies.reply(to: request.digest, draw: request.draw) else {
        throw TeacherError.noReply(request: request.digest.short)
      }
      guard let drafts = teacher.drafts(in: reply, for: assignment) else {
        unreadable += 1
        continue
      }
      for (place, draft) in drafts.enumerated() {
        samples.append(
          Sample(
            id: "\(request.digest.short)-\(request.draw)-\(place)", prompt: draft.prompt,
            completion: draft.completion,
            origin: Sample.Origin(
              kind: "synthetic", teacher: teacher.name, request: request.digest,
              draw: request.draw, examples: (assignment.examples + [assignment.subject]).map(\.id)),
            task: assignment.task))
      }
    }
    self.samples = samples
    self.asked = asked
    self.unreadable = unreadable
  }

  /// Numbers equal requests, so that each has a reply of its own.
  private static func numbered(_ contents: [JSON]) -> [TeacherRequest] {
    var seen: [Digest: Int] = [:]
    return contents.map { content in
      let first = TeacherRequest(content, draw: 0)
      let draw = seen[first.digest, default: 0]
      seen[first.digest] = draw + 1
      return draw == 0 ? first : TeacherRequest(content, draw: draw)
    }
  }
}
