import ActionCache
import Bytes
import Foundation
import Graph
import ObjectStore

extension Builder {
  /// Brings one node up to date.
  /// - Parameter rerun: whether to run it even if its result is known, because that is damaged.
  func bring(_ position: Int, user: User?, source: OwnSource?, rerun: Bool) async -> Outcome {
    let step = pipeline.steps[position]
    do {
      return try await attempt(step, user: user, source: source, rerun: rerun)
    } catch {
      var outcome = Outcome(node: step.name, user: user?.name, status: .failed)
      outcome.exit = Failure.exitCode(of: error)
      outcome.message = "\(error)"
      return outcome
    }
  }

  private func attempt(
    _ step: CheckedPipeline.Step, user: User?, source: OwnSource?, rerun: Bool
  ) async throws -> Outcome {
    var outcome = Outcome(node: step.name, user: user?.name, status: .interrupted)
    if mustStop { return outcome }
    var awaited: Set<String> = []
    for (name, material) in materials(step, user: user, source: source).sorted(by: {
      $0.key < $1.key
    }) {
      switch material {
      case .there(let digest): outcome.inputs[name] = digest
      case .awaited(let node): awaited.insert(node)
      case .absent:
        guard step.description.inputs.first(where: { $0.name == name })?.optional == true else {
          outcome.status = .failed
          outcome.exit = 1
          outcome.message =
            "its input '\(name)' (\(step.node.inputs[name]?.description ?? "")) was not written"
          return outcome
        }
      case .blocked(let node):
        outcome.status = .blocked
        outcome.message = node
        return outcome
      case .unreadable(let exit, let message):
        outcome.status = .failed
        outcome.exit = exit
        outcome.message = message
        return outcome
      }
    }
    let state = try cache.state(user: user?.name, node: step.name)
    let ingredients = Ingredients(
      stage: step.description.name, version: step.description.version,
      parameters: programs[step.name]?.keyParameters ?? step.keyParameters, inputs: outcome.inputs)
    if !awaited.isEmpty {
      outcome.status = .planned
      outcome.reasons = foreseen(state, ingredients, awaited, step, user)
      return outcome
    }
    let key = ActionKey.digest(
      stage: ingredients.stage, version: ingredients.version, parameters: ingredients.parameters,
      inputs: ingredients.inputs)
    outcome.key = key
    outcome.reasons = Explanation.compare(
      state.action.map(Ingredients.init), ingredients, origins: origins(step, user: user))
    let isForced = options.force.contains(step.name)
    if isForced { outcome.reasons.append(Reason(.forced)) }
    if let known = try cache.action(key) {
      let damage = try damagedOutputs(of: known)
      if damage.isEmpty, !isForced, !rerun {
        try adopt(known, state: state, into: &outcome)
        return outcome
      }
      outcome.reasons += damage
    }
    if let failure = state.failure {
      outcome.reasons.append(Reason(.failedBefore, old: String(failure.exit)))
    }
    return try await run(
      step, ingredients, user: user, source: source, again: isForced || rerun, outcome)
  }

  /// What can be said of a node whose inputs are not known yet.
  private func foreseen(
    _ state: ActionCache.State, _ new: Ingredients, _ awaited: Set<String>,
    _ step: CheckedPipeline.Step, _ user: User?
  ) -> [Reason] {
    var reasons: [Reason] = []
    if let action = state.action {
      var old = Ingredients(action)
      // Only what is known on both sides is compared.
      old.inputs = old.inputs.filter { new.inputs[$0.key] != nil }
      reasons = Explanation.compare(old, new, origins: origins(step, user: user))
    } else {
      reasons = [Reason(.neverBuilt)]
    }
    return reasons + awaited.sorted().map { Reason(.waitsFor, $0) }
  }

  /// Takes over the result of an earlier action.
  private func adopt(
    _ record: ActionRecord, state: ActionCache.State, into outcome: inout Outcome
  ) throws {
    outcome.outputs = record.outputs
    if state.action?.key == record.key {
      outcome.status = .fresh
      outcome.reasons = []
      guard state.failure != nil else { return }
    } else {
      outcome.status = .adopted
    }
    try self.record([.adopted(user: outcome.user, node: outcome.node, key: record.key)])
  }

  private func damagedOutputs(of record: ActionRecord) throws -> [Reason] {
    try record.outputs.sorted { $0.key < $1.key }.compactMap { name, digest in
      let owner = UserName.target(user: record.user, node: record.node)
      return try audit.damage(in: digest, of: "output \(name) of \(owner)").isEmpty
        ? nil : Reason(.outputMissing, name, old: digest.description)
    }
  }

  // MARK: Running

  private func run(
    _ step: CheckedPipeline.Step, _ ingredients: Ingredients, user: User?, source: OwnSource?,
    again: Bool, _ draft: Outcome
  ) async throws -> Outcome {
    var outcome = draft
    guard let key = outcome.key else { return outcome }
    var lock: FileLock?
    // Held until the result is recorded.
    defer { withExtendedLifetime(lock) {} }
    if runner.isReal {
      // Whoever else is at this very action is waited for, and its result adopted; with no cores in
      // hand, which that one may need for a repair.
      lock = try await waitForLock(key)
      guard lock != nil else { return outcome }
      try cache.refresh()
      if !again, let known = try cache.action(key), try damagedOutputs(of: known).isEmpty {
        try adopt(
          known, state: try cache.state(user: outcome.user, node: outcome.node), into: &outcome)
        return outcome
      }
    }
    var grant = await take(step)
    do {
      if mustStop {
        await giveBack(&grant)
        return outcome
      }
      outcome = try await perform(step, ingredients, key, user, source, &grant, outcome)
    } catch {
      await giveBack(&grant)
      throw error
    }
    await giveBack(&grant)
    return outcome
  }

  /// Waits for what a step needs of the machine; nil where nothing is really run.
  private func take(_ step: CheckedPipeline.Step) async -> ResourcePool.Grant? {
    runner.isReal ? await pool.take(request(step)) : nil
  }

  private func giveBack(_ grant: inout ResourcePool.Grant?) async {
    guard let held = grant else { return }
    grant = nil
    await pool.giveBack(held)
  }

  private func request(_ step: CheckedPipeline.Step) -> ResourcePool.Request {
    let own = step.node.resources
    let stage = step.description.resources
    return ResourcePool.Request(
      cores: own.cores ?? stage.cores ?? 1, memory: own.memory ?? stage.memory ?? 0,
      elastic: step.settings["threads"] == nil
        && step.description.parameters.contains { $0.name == "threads" && $0.execution })
  }

  private func waitForLock(_ key: Digest) async throws -> FileLock? {
    while true {
      if let lock = try cache.lock(action: key) { return lock }
      if mustStop { return nil }
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  private func perform(
    _ step: CheckedPipeline.Step, _ ingredients: Ingredients, _ key: Digest, _ user: User?,
    _ source: OwnSource?, _ grant: inout ResourcePool.Grant?, _ draft: Outcome
  ) async throws -> Outcome {
    var outcome = draft
    let name = user?.name
    func action(_ grant: ResourcePool.Grant?) -> Action {
      Action(
        key: key, step: step, user: name, inputs: draft.inputs, cores: grant?.cores ?? 1,
        log: cache.store.logFile(for: key))
    }
    observe(.started(node: step.name, user: name, reasons: outcome.reasons))
    let start = Timestamp.now
    // What a kill leaves of it has to have an owner.
    try self.record([.started(user: name, node: step.name, key: key)])
    var result = await runWithRetries(action(grant))
    if case .failed(3, _) = result {
      // What makes an input again needs cores too, and would wait for these for ever.
      await giveBack(&grant)
      let rebuilt = try await repair(step, user: user, source: source, inputs: outcome.inputs)
      if !rebuilt.isEmpty {
        outcome.warnings += rebuilt
        grant = await take(step)
        result = mustStop ? .interrupted : await runWithRetries(action(grant))
      }
    }
    let end = Timestamp.now
    outcome.seconds = end.seconds(since: start)
    var kernels: String?
    switch result {
    case .planned:
      outcome.status = .planned
      return outcome
    case .interrupted:
      outcome.status = .interrupted
      return outcome
    case .failed(let exit, let message):
      outcome.status = .failed
      outcome.exit = exit
      outcome.message = message
    case .finished(let outputs, let variant):
      kernels = variant
      outcome.outputs = outputs
      outcome.status = .ran
      if let problem = try problem(with: outputs, of: step) {
        outcome.status = .failed
        outcome.outputs = [:]
        outcome.exit = 1
        outcome.message = problem
      }
    }
    if let before = try cache.action(key), outcome.status == .ran, before.outputs != outcome.outputs
    {
      outcome.warnings.append(
        "gave another result than before from the same inputs: it is not deterministic")
    }
    let record = ActionRecord(
      key: key, node: step.name, user: name, stage: ingredients.stage,
      version: ingredients.version, parameters: ingredients.parameters, inputs: ingredients.inputs,
      outputs: outcome.outputs, kernels: kernels, start: start, end: end, host: host,
      exit: outcome.exit, message: outcome.message, reasons: outcome.reasons.map(\.json))
    try self.record([.action(record)])
    return outcome
  }

  /// Tries again what may succeed later (exit 75) and what a signal ended; nothing else.
  private func runWithRetries(_ action: Action) async -> ActionResult {
    var delay = 1.0
    for attempt in 1... {
      let result = await runner.run(action) { json in
        for (object, why) in json["damaged"]?.objectValue ?? [:] {
          if let object = Digest(object) { self.report(object, why: why.stringValue ?? "") }
        }
        self.observe(.progress(node: action.step.name, user: action.user, json))
      }
      guard case .failed(let exit, let message) = result, exit == 75 || exit > 128, attempt < 3,
        !mustStop
      else { return result }
      observe(
        .warning("\(action.step.name): exit \(exit) (\(message)); trying again in \(Int(delay)) s"))
      try? await Task.sleep(for: .seconds(delay))
      delay *= 3
    }
    return .interrupted
  }

  /// Returns what is wrong with what a stage says it wrote, or nil.
  private func problem(
    with outputs: [String: Digest], of step: CheckedPipeline.Step
  ) throws -> String? {
    for port in step.description.outputs where outputs[port.name] == nil && !port.optional {
      return "it did not write its output '\(port.name)'"
    }
    for (name, digest) in outputs.sorted(by: { $0.key < $1.key }) {
      guard step.description.outputs.contains(where: { $0.name == name }) else {
        return "it wrote an output '\(name)' that it does not declare"
      }
      let absent = try cache.store.absent(from: digest)
      guard absent.isEmpty else {
        return "its output '\(name)' is not in the store: \(absent[0])"
      }
      try audit.trustAll(digest)
    }
    return nil
  }

  // MARK: Repair

  /// Looks for damage in the inputs of an action that found some, and has it made again.
  /// - Returns: what was rebuilt, in words.
  private func repair(
    _ step: CheckedPipeline.Step, user: User?, source: OwnSource?, inputs: [String: Digest]
  ) async throws -> [String] {
    var rebuilt: [String] = []
    for (input, digest) in inputs.sorted(by: { $0.key < $1.key }) {
      let damage = try audit.damage(
        in: digest, of: "input \(input) of \(step.name)", thorough: true)
      guard let first = damage.first, let reference = step.node.inputs[input] else { continue }
      switch reference {
      case .source(let name):
        if pipeline.pipeline.sources[name]?.isOfUser == true {
          source?.forget()
          _ = try source?.digest()
        } else if let declared = pipeline.pipeline.sources[name] {
          setSharedSource(name, try sources.digest(of: path(ofSource: declared)))
        }
        rebuilt.append("\(first) was damaged; read again from its source")
      case .output(let node, _):
        guard let position = pipeline.position(of: node) else { continue }
        let owner = pipeline.steps[position].scope == .user ? user : nil
        let outcome = await bring(
          position, user: owner, source: owner == nil ? nil : source, rerun: true)
        settle(outcome, at: position)
        guard outcome.isDone else { continue }
        rebuilt.append("\(first) was damaged; \(node) has made it again")
      case .gathered(let node, _):
        // The parts belong to many users: those whose parts are gone are made again.
        guard let position = pipeline.position(of: node) else { continue }
        for other in users {
          guard let known = outcome(other.name, position), known.isDone,
            try known.outputs.values.contains(where: {
              try !audit.damage(
                in: $0, of: "an output of \(UserName.encoded(other.name))/\(node)", thorough: true
              ).isEmpty
            })
          else { continue }
          let own = OwnSource { try self.digest(of: other) }
          settle(await bring(position, user: other, source: own, rerun: true), at: position)
          rebuilt.append("\(first) was damaged; \(node) of \(other.name) has made it again")
        }
        if case .there(let whole)? = materials(step, user: user, source: source)[input],
          whole != digest
        {
          rebuilt.append("\(input) is \(whole) now")
        }
      }
    }
    return rebuilt
  }
}

extension Ingredients {
  init(_ record: ActionRecord) {
    self.init(
      stage: record.stage, version: record.version, parameters: record.parameters,
      inputs: record.inputs)
  }
}
