import Augmentation
import Bytes
import Corpus
import Synchronization
import Testing

/// Keeps replies in memory, and counts.
final class MemoryReplies: ReplyKeeping {
  private let kept = Mutex<[String: String]>([:])

  var count: Int { kept.withLock(\.count) }

  func forget(_ request: TeacherRequest) {
    kept.withLock { $0["\(request.digest)-\(request.draw)"] = nil }
  }

  func reply(to request: Digest, draw: Int) throws -> String? {
    kept.withLock { $0["\(request)-\(draw)"] }
  }

  func keep(_ reply: String, to request: Digest, draw: Int) throws {
    kept.withLock { $0["\(request)-\(draw)"] = reply }
  }
}

/// Writes what it is told, and counts how many prompts it saw.
final class ScriptedGenerator: TextGenerator {
  let identity = "sha256:model"
  private let script: @Sendable (ContinuationPrompt, Int, UInt64) -> GeneratedText
  private let seen = Mutex<[ContinuationPrompt]>([])

  init(_ script: @escaping @Sendable (ContinuationPrompt, Int, UInt64) -> GeneratedText) {
    self.script = script
  }

  var prompts: [ContinuationPrompt] { seen.withLock { $0 } }

  func continuations(
    of prompts: [ContinuationPrompt], seed: UInt64
  ) async throws -> [GeneratedText] {
    seen.withLock { $0 += prompts }
    return prompts.enumerated().map { script($1, $0, seed) }
  }
}

struct LocalTeacherTests {
  static let history = (0..<20).map {
    Record(id: "r\($0)", text: "Record number \($0) tells of a walk that was \($0) miles long.")
  }

  private func teacher(_ generator: ScriptedGenerator, seed: UInt64 = 1) -> LocalTeacher<
    ScriptedGenerator
  > {
    LocalTeacher(generator, options: ["temperature": 0.8], openingWords: 3, seed: seed)
  }

  private func plan(_ count: Int, seed: UInt64 = 1) -> [Assignment] {
    AssignmentPlan.make(Self.history, count: count, examples: 3, seed: seed)
  }

  @Test func `a plan depends on the seed alone and uses every record`() {
    #expect(plan(40) == plan(40))
    #expect(plan(40) != plan(40, seed: 2))
    #expect(
      AssignmentPlan.make(Self.history.reversed(), count: 40, examples: 3, seed: 1) == plan(40))
    #expect(Set(plan(20).map(\.subject.id)).count == 20)
    for assignment in plan(40) {
      #expect(assignment.examples.count == 3)
      #expect(!assignment.examples.map(\.id).contains(assignment.subject.id))
      #expect(Set(assignment.examples.map(\.id)).count == 3)
    }
    #expect(AssignmentPlan.make([], count: 3, examples: 3, seed: 1).isEmpty)
    #expect(
      AssignmentPlan.make([Self.history[0]], count: 2, examples: 3, seed: 1).map(\.examples.count)
        == [0, 0])
  }

  @Test func `new texts start like a record that is not shown`() async throws {
    let generator = ScriptedGenerator { _, place, _ in
      GeneratedText(" runs on to \(place). And is cut he", isComplete: false)
    }
    let lesson = try await Lesson(plan(2), teacher: teacher(generator), replies: MemoryReplies())
    #expect(generator.prompts[0].opening.hasPrefix("Record number "))
    #expect(generator.prompts[0].opening.split(separator: " ").count == 3)
    #expect(generator.prompts[0].documents.count == 3)
    let sample = lesson.samples[0]
    #expect(sample.completion == generator.prompts[0].opening + " runs on to 0.")
    #expect(sample.prompt == "")
    #expect(sample.origin.teacher == "sha256:model")
    #expect(sample.origin.examples?.count == 4)
    #expect(sample.origin.request == lesson.requests[0].digest)
    #expect(Set(lesson.samples.map(\.id)).count == 2)
  }

  @Test func `a task is answered in one line`() async throws {
    let history = (0..<4).map {
      Record(id: "t\($0)", text: "Abstract \($0).", title: "Title \($0)", task: "LaMP_5")
    }
    let plan = AssignmentPlan.make(history, count: 1, examples: 2, seed: 3)
    let generator = ScriptedGenerator { _, _, _ in
      GeneratedText("\n A new title \nmore", isComplete: true)
    }
    let lesson = try await Lesson(plan, teacher: teacher(generator), replies: MemoryReplies())
    let sample = lesson.samples[0]
    #expect(sample.completion == "A new title")
    #expect(
      sample.prompt.hasPrefix("Generate a title for the following abstract of a paper: Abstract"))
    #expect(sample.task == "LaMP_5")
    #expect(generator.prompts[0].documents.allSatisfy { $0.contains("\nTitle ") })
  }

  @Test func `nothing is asked twice`() async throws {
    let generator = ScriptedGenerator { GeneratedText(" text \($1) \($2).", isComplete: true) }
    let replies = MemoryReplies()
    let first = try await Lesson(plan(20), teacher: teacher(generator), replies: replies)
    #expect(first.asked == 20)
    #expect(generator.prompts.count == 20)
    let second = try await Lesson(plan(20), teacher: teacher(generator), replies: replies)
    #expect(second.asked == 0)
    #expect(generator.prompts.count == 20)
    #expect(second.samples == first.samples)
    #expect(replies.count == 20)
  }

  @Test func `a lost reply comes out the same again`() async throws {
    let generator = ScriptedGenerator { GeneratedText(" text \($1) \($2).", isComplete: true) }
    let replies = MemoryReplies()
    let first = try await Lesson(plan(20), teacher: teacher(generator), replies: replies)
    replies.forget(first.requests[17])
    let second = try await Lesson(plan(20), teacher: teacher(generator), replies: replies)
    #expect(second.samples == first.samples)
    #expect(second.asked == 1)
    #expect(generator.prompts.count == 24)
  }

  @Test func `a cap stops and keeps`() async throws {
    let generator = ScriptedGenerator { GeneratedText(" text \($1) \($2).", isComplete: true) }
    let replies = MemoryReplies()
    await #expect(throws: TeacherError.cap(16, remaining: 4)) {
      try await Lesson(plan(20), teacher: teacher(generator), replies: replies, cap: 16)
    }
    #expect(replies.count == 16)
    let rest = try await Lesson(plan(20), teacher: teacher(generator), replies: replies, cap: 16)
    #expect(rest.asked == 4)
  }
}
