public import Bytes
import Foundation
import Graph
public import ObjectStore
import Synchronization

/// Runs actions in processes: stages in workers that stay for the next action or each in a process
/// of its own, commands always in their own.
public struct ProcessRunner: Runner {
  private let store: ObjectStore
  /// Executables by the name of the stage.
  private let stages: [String: StageCatalog.Stage]
  private let programs: [String: CommandProgram]
  /// The folder that relative paths are meant from.
  private let root: String
  /// Nil where every action has a process of its own.
  private let workers: WorkerPool?

  /// - Parameter workers: how many stages may be kept running between actions; 0 for none.
  public init(
    store: ObjectStore, stages: [String: StageCatalog.Stage],
    programs: [String: CommandProgram], root: String, workers: Int
  ) {
    self.store = store
    self.stages = stages
    self.programs = programs
    self.root = root
    self.workers =
      workers > 0
      ? WorkerPool(limit: workers, memory: Int(ProcessInfo.processInfo.physicalMemory)) : nil
  }

  public var isReal: Bool { true }

  public func run(
    _ action: Action, progress: @escaping @Sendable (JSON) -> Void
  ) async -> ActionResult {
    switch action.step.node.work {
    case .stage(let name):
      guard let stage = stages[name] else {
        return .failed(exit: 2, message: "stage '\(name)' is not there any more")
      }
      let kernels = Mutex<String?>(nil)
      let report: @Sendable (JSON) -> Void = { json in
        if let name = json["kernels"]?.stringValue { kernels.withLock { $0 = name } }
        progress(json)
      }
      let settings = settings(of: action, stage)
      let result =
        if let workers {
          await ask(workers, stage, action, settings, report)
        } else {
          await launch(stage, action, settings, report)
        }
      if Task.isCancelled { return .interrupted }
      guard case .finished(let outputs, _) = result else { return result }
      return .finished(outputs: outputs, kernels: kernels.withLock { $0 })
    case .command:
      guard let program = programs[action.step.name] else {
        return .failed(exit: 2, message: "the program of '\(action.step.name)' was not found")
      }
      return await CommandRun(store: store, program: program, action: action).run(progress)
    }
  }

  public func retire(stage: String) async { await workers?.retire(stage) }

  public func close() async { await workers?.close() }

  /// The settings of the node, and the threads it has been granted where it asks for none.
  private func settings(of action: Action, _ stage: StageCatalog.Stage) -> [String: JSON] {
    var settings = action.step.settings
    if settings["threads"] == nil,
      stage.description.parameters.contains(where: { $0.name == "threads" && $0.execution })
    {
      settings["threads"] = .int(action.cores)
    }
    return settings
  }

  // MARK: A process for every action

  private func launch(
    _ stage: StageCatalog.Stage, _ action: Action, _ settings: [String: JSON],
    _ progress: @escaping @Sendable (JSON) -> Void
  ) async -> ActionResult {
    var arguments = ["--store", store.path]
    for (name, digest) in action.inputs.sorted(by: { $0.key < $1.key }) {
      arguments += ["--in", "\(name)=\(digest)"]
    }
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
      arguments += ["--set", "\(name)=\(value.plain)"]
    }
    let launch = Launch(
      path: stage.path, arguments: arguments,
      environment: StageEnvironment.with(secrets: stage.description.secrets), folder: root,
      log: action.log)
    let end: Launch.End
    do {
      end = try await launch.run { line in
        if let json = try? JSON(parsing: line) { progress(json) }
      }
    } catch {
      return .failed(exit: error.isTemporary ? 75 : 1, message: "\(error)")
    }
    StageEnvironment.cover(stage.description.secrets, in: action.log)
    if let failure = Self.failure(end, log: action.log) { return failure }
    guard let last = end.lastLine, let json = try? JSON(parsing: last) else {
      return Self.outputs(nil)
    }
    return Self.outputs(json["outputs"])
  }

  // MARK: Workers

  private func ask(
    _ workers: WorkerPool, _ stage: StageCatalog.Stage, _ action: Action,
    _ settings: [String: JSON], _ progress: @escaping @Sendable (JSON) -> Void
  ) async -> ActionResult {
    let name = stage.description.name
    let memory = action.step.node.resources.memory ?? stage.description.resources.memory ?? 0
    // One stage, one set of secrets: a worker never gets an action of another stage.
    let worker = await workers.take(name, memory: memory) {
      Launch(
        path: stage.path, arguments: ["--worker", "--store", store.path],
        environment: StageEnvironment.with(secrets: stage.description.secrets), folder: root)
    }
    let reply = await worker.ask(
      Worker.Request(
        inputs: action.inputs, settings: settings, log: action.log, progress: progress))
    await workers.giveBack(worker)
    StageEnvironment.cover(stage.description.secrets, in: action.log)
    switch reply {
    case .failed(let error):
      return .failed(exit: error.isTemporary ? 75 : 1, message: "\(error)")
    case .ended(let end):
      return Self.failure(end, log: action.log)
        ?? .failed(exit: 1, message: "it ended without an answer")
    case .answer(let facts):
      guard let exit = facts["exit"]?.intValue, exit != 0 else {
        return Self.outputs(facts["outputs"])
      }
      return Self.failure(
        Launch.End(exit: Int32(clamping: exit), signal: 0), log: action.log)
        ?? .failed(exit: 1, message: "exit code \(exit)")
    }
  }

  // MARK: Results

  /// Returns what went wrong, or nil if nothing did.
  static func failure(_ end: Launch.End, log: String) -> ActionResult? {
    guard end.exit != 0 else { return nil }
    let said = LogFile(path: log).lastWords
    if end.signal != 0 {
      return .failed(
        exit: 128 + end.signal,
        message: "killed by signal \(end.signal)" + (said.isEmpty ? "" : "; last words: \(said)"))
    }
    return .failed(exit: end.exit, message: said.isEmpty ? "exit code \(end.exit)" : said)
  }

  /// Reads the outputs that a stage names.
  private static func outputs(_ json: JSON?) -> ActionResult {
    guard let members = json?.objectValue else {
      return .failed(exit: 1, message: "its last line names no outputs")
    }
    var outputs: [String: Digest] = [:]
    for (name, value) in members {
      guard let digest = value.stringValue.flatMap({ Digest($0) }) else {
        return .failed(exit: 1, message: "its output '\(name)' is no digest: \(value)")
      }
      outputs[name] = digest
    }
    return .finished(outputs: outputs, kernels: nil)
  }
}
