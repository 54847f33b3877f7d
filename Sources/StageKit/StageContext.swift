public import Bytes
public import ObjectStore
import Synchronization

/// Lends one run of a stage all that it may use.
public final class StageContext: Sendable {
  /// The parameters that the outputs may depend on, complete and canonical: without execution ones.
  public let parameters: [String: JSON]
  /// The key of this action.
  public let actionKey: Digest
  private let values: [String: JSON]
  private let inputs: [String: InputArtifact]
  private let outputs: [String: OutputArtifact]
  private let store: ObjectStore
  private let secrets: [String: String]
  private let reporter: Reporter
  private let keepsakes: Keepsakes?
  private let work = Mutex<WorkFolder?>(nil)
  /// What the run met of damage.
  let notes = DamageNotes()

  /// - Parameter keepsakes: what earlier actions of a worker left; nil for a single run.
  init(
    _ action: Action, stage: any Stage.Type, reporter: Reporter, keepsakes: Keepsakes? = nil
  ) throws(StoreError) {
    self.keepsakes = keepsakes
    values = action.values
    parameters = action.keyed
    actionKey = action.key
    store = action.store
    self.reporter = reporter
    var inputs: [String: InputArtifact] = [:]
    for (name, digest) in action.inputs.sorted(by: { $0.key < $1.key }) {
      inputs[name] = try InputArtifact(
        name: name, digest: digest, store: action.store, notes: notes)
    }
    self.inputs = inputs
    outputs = Dictionary(
      uniqueKeysWithValues: stage.outputs.map {
        ($0.name, OutputArtifact(name: $0.name, store: action.store))
      })
    secrets = Dictionary(
      uniqueKeysWithValues: stage.secrets.map { ($0, Environment[$0] ?? "") })
  }

  /// The value of a parameter, given or default.
  public subscript<Value>(parameter: Parameter<Value>) -> Value {
    guard let value = values[parameter.name] else {
      preconditionFailure("\(parameter.name) is missing in the stage's list of parameters")
    }
    return Value(json: value) ?? parameter.standard
  }

  /// The canonical text of `parameters`.
  public var parametersJSON: String { JSON.object(parameters).text }

  /// Returns an input.
  /// - Throws: `StageError.noInput` if it was not given.
  public func input(_ name: String) throws(StageError) -> InputArtifact {
    guard let input = inputs[name] else { throw .noInput(name) }
    return input
  }

  /// Returns an input, or nil if it was not given.
  public func optionalInput(_ name: String) -> InputArtifact? { inputs[name] }

  /// Returns an output to write to.
  public func output(_ name: String) -> OutputArtifact {
    guard let output = outputs[name] else {
      preconditionFailure("\(name) is missing in the stage's list of outputs")
    }
    return output
  }

  /// Reports how far the work is: a JSON line on file descriptor 3, or words on stderr by hand.
  public func progress(_ facts: [String: JSON]) { reporter.progress(facts) }

  /// Says something to whoever reads the log.
  public func log(_ message: String) { reporter.log(message) }

  /// The folder for checkpoints of this action: the same one after a crash, removed on success.
  ///
  /// Asking for it waits while another process works on the same action.
  public var workFolder: String {
    get throws(StoreError) {
      // Within the lock, so that two tasks of the stage don't wait for each other for ever.
      let taken: Result<WorkFolder, StoreError> = work.withLock { held in
        if let held { return .success(held) }
        do throws(StoreError) {
          let folder = try store.takeWorkFolder(for: actionKey)
          held = folder
          return .success(folder)
        } catch {
          return .failure(error)
        }
      }
      return try taken.get().path
    }
  }

  /// The replies of teachers.
  public var replies: ReplyStore { store.replies }

  /// Returns what an earlier action of the same worker made for the same key, or makes it.
  ///
  /// For what many actions read and is dear to load, a base model above all:
  /// `let model = try context.keep("base", for: base.digest) { try load(base) }`. The latest of each
  /// kind is kept; a single run keeps nothing. Results have to equal those of single runs to the
  /// bit: what is made must follow from the key alone, and no action may change it afterwards.
  public func keep<Value: Sendable, E: Error>(
    _ kind: String, for key: Digest, _ make: () throws(E) -> Value
  ) throws(E) -> Value {
    if let kept = keepsakes?.take(kind, for: key, as: Value.self) { return kept }
    let value = try make()
    keepsakes?.put(value, kind, for: key)
    return value
  }

  /// Returns a secret from the environment, or nil if it is not set.
  public func secret(_ name: String) -> String? {
    guard let secret = secrets[name] else {
      preconditionFailure("\(name) is missing in the stage's list of secrets")
    }
    return secret.isEmpty ? nil : secret
  }

  /// Lets go of the folder for checkpoints, which is left as it is: an action that failed may be
  /// tried again by the same process, and must not wait for itself.
  func letGo() { work.withLock { $0 = nil } }

  /// Takes the outputs over and clears up.
  func finish(_ declared: [Output]) throws -> [String: Digest] {
    if let damage = notes.noted { throw damage }
    var digests: [String: Digest] = [:]
    for output in declared {
      if let digest = try outputs[output.name]?.finish() {
        digests[output.name] = digest
      } else if !output.optional {
        throw StageError.notWritten(output: output.name)
      }
    }
    try work.withLock { try $0?.remove() }
    return digests
  }
}
