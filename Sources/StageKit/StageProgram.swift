import Bytes
import ObjectStore

/// Runs a stage as its command line asks.
struct StageProgram {
  let stage: any Stage.Type
  /// Takes the lines of standard output.
  let answer: @Sendable (String) -> Void
  let reporter: Reporter
  /// Gives the lines of standard input, one a call; nil at its end.
  let nextLine: () -> String?

  /// Does what the arguments say, and returns the exit code.
  func run(_ arguments: [String]) async -> Int32 {
    let mistakes = stage.mistakes
    guard mistakes.isEmpty else {
      for mistake in mistakes {
        reporter.log("\(stage.name): a mistake in the stage's declaration · \(mistake)")
      }
      return 1
    }
    do {
      let arguments = try StageArguments(arguments)
      // Others would give another result in silence.
      if [.run, .worker].contains(arguments.mode), let name = stage.refusedKernels {
        throw UsageError.refusedKernels(name)
      }
      switch arguments.mode {
      case .describe: answer(stage.description.text)
      case .help: answer(String(stage.help.dropLast()))
      case .worker: try await work(arguments)
      case .run: return await runOnce(arguments)
      }
      return 0
    } catch {
      return end(Outcome(error))
    }
  }

  private func runOnce(_ arguments: StageArguments) async -> Int32 {
    let outcome: Outcome
    do {
      let store = try Self.store(arguments.store)
      outcome = await perform(
        store: store, inputs: arguments.inputs, settings: arguments.settings, reporter: reporter)
      // The resolver makes objects durable in groups, before it records actions; nobody does so
      // for a stage that is run by hand.
      if case .done = outcome, reporter.progressDescriptor == nil { try store.sync() }
    } catch {
      return end(Outcome(error))
    }
    return end(outcome)
  }

  /// Answers one request a line until there are no more.
  private func work(_ arguments: StageArguments) async throws {
    let store = try arguments.store.map { path in try Self.store(path) }
    let keepsakes = Keepsakes()
    while let line = nextLine() {
      if line.allSatisfy(\.isWhitespace) { continue }
      var id = JSON.null
      let outcome: Outcome
      do {
        let request = try WorkerRequest(line, id: &id)
        var reporter = reporter
        reporter.id = id
        let own = try request.store.map { path in try Self.store(path) } ?? store
        guard let own else { throw UsageError.noStore }
        outcome = await perform(
          store: own, inputs: request.inputs, settings: request.settings, reporter: reporter,
          keepsakes: keepsakes)
      } catch {
        outcome = Outcome(error)
      }
      var facts = outcome.facts
      facts["id"] = id
      if case .failed(let words, let exitCode, _) = outcome {
        facts["error"] = .string(words)
        facts["exit"] = .int(Int(exitCode))
      }
      answer(JSON.object(facts).text)
    }
  }

  private func perform(
    store: ObjectStore, inputs: [String: String], settings: [String: JSON], reporter: Reporter,
    keepsakes: Keepsakes? = nil
  ) async -> Outcome {
    // Also of what was healed on the way somebody has to hear.
    defer {
      let damaged = store.takeDamaged().map { ($0.digest.description, JSON.string("\($0.damage)")) }
      if !damaged.isEmpty {
        reporter.progress(["damaged": .object(Dictionary(damaged) { first, _ in first })])
      }
    }
    var notes: DamageNotes?
    var opened: StageContext?
    defer { opened?.letGo() }
    do {
      let action = try Action(stage, store: store, inputs: inputs, settings: settings)
      let context = try StageContext(
        action, stage: stage, reporter: reporter, keepsakes: keepsakes)
      opened = context
      notes = context.notes
      try await stage.run(context)
      return .done(try context.finish(stage.outputs))
    } catch {
      return Outcome(notes?.noted ?? error)
    }
  }

  private func end(_ outcome: Outcome) -> Int32 {
    if case .failed(let words, _, _) = outcome { reporter.log("\(stage.name): \(words)") }
    if !outcome.facts.isEmpty { answer(JSON.object(outcome.facts).text) }
    return outcome.exitCode
  }

  private static func store(_ path: String?) throws -> ObjectStore {
    guard let path = path ?? Environment["PLM_STORE"], !path.isEmpty else {
      throw UsageError.noStore
    }
    return try ObjectStore.create(at: path)
  }
}
