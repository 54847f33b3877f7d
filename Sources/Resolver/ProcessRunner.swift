public import Bytes
import Graph
public import ObjectStore
import Synchronization

/// Runs every action as a process of its own.
public struct ProcessRunner: Runner {
  private let store: ObjectStore
  /// Executables by the name of the stage.
  private let stages: [String: StageCatalog.Stage]
  private let programs: [String: CommandProgram]
  /// The folder that relative paths are meant from.
  private let root: String

  public init(
    store: ObjectStore, stages: [String: StageCatalog.Stage],
    programs: [String: CommandProgram], root: String
  ) {
    self.store = store
    self.stages = stages
    self.programs = programs
    self.root = root
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
      return await run(stage, action, progress)
    case .command:
      guard let program = programs[action.step.name] else {
        return .failed(exit: 2, message: "the program of '\(action.step.name)' was not found")
      }
      return await CommandRun(store: store, program: program, action: action).run(progress)
    }
  }

  private func run(
    _ stage: StageCatalog.Stage, _ action: Action, _ progress: @escaping @Sendable (JSON) -> Void
  ) async -> ActionResult {
    var arguments = ["--store", store.path]
    for (name, digest) in action.inputs.sorted(by: { $0.key < $1.key }) {
      arguments += ["--in", "\(name)=\(digest)"]
    }
    var settings = action.step.settings
    if settings["threads"] == nil,
      stage.description.parameters.contains(where: { $0.name == "threads" && $0.execution })
    {
      settings["threads"] = .int(action.cores)
    }
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
      arguments += ["--set", "\(name)=\(value.plain)"]
    }
    let launch = Launch(
      path: stage.path, arguments: arguments,
      environment: StageEnvironment.with(secrets: stage.description.secrets), folder: root,
      log: action.log)
    let kernels = Mutex<String?>(nil)
    let end: Launch.End
    do {
      end = try await launch.run { line in
        guard let json = try? JSON(parsing: line) else { return }
        if let name = json["kernels"]?.stringValue { kernels.withLock { $0 = name } }
        progress(json)
      }
    } catch {
      return .failed(exit: error.isTemporary ? 75 : 1, message: "\(error)")
    }
    if Task.isCancelled { return .interrupted }
    if let failure = Self.failure(end, log: action.log) { return failure }
    guard let last = end.lastLine, let json = try? JSON(parsing: last),
      let members = json["outputs"]?.objectValue
    else {
      return .failed(exit: 1, message: "its last line names no outputs")
    }
    var outputs: [String: Digest] = [:]
    for (name, value) in members {
      guard let digest = value.stringValue.flatMap({ Digest($0) }) else {
        return .failed(exit: 1, message: "its output '\(name)' is no digest: \(value)")
      }
      outputs[name] = digest
    }
    return .finished(outputs: outputs, kernels: kernels.withLock { $0 })
  }

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
}
