import Bytes
import ObjectStore

/// Stores one run of a stage, checked: what goes in and how.
struct Action {
  let store: ObjectStore
  let inputs: [String: Digest]
  /// All parameters, complete and canonical.
  let values: [String: JSON]
  /// Those that the key holds.
  let keyed: [String: JSON]
  let key: Digest

  /// Checks a request against what the stage declares.
  /// - Parameters:
  ///   - given: inputs as digests, beginnings of digests, or paths, which are put into the store.
  ///   - settings: values of parameters in any form.
  init(
    _ stage: any Stage.Type, store: ObjectStore, inputs given: [String: String],
    settings: [String: JSON]
  ) throws {
    self.store = store
    values = try Self.values(stage.parameters, settings)
    let knownInputs = stage.inputs.map(\.name)
    for name in given.keys.sorted() where !knownInputs.contains(name) {
      throw UsageError.unknownInput(name, known: knownInputs)
    }
    var inputs: [String: Digest] = [:]
    for input in stage.inputs {
      if let text = given[input.name] {
        inputs[input.name] = try Self.digest(text, input: input.name, store: store)
      } else if !input.optional {
        throw UsageError.missingInput(input.name, kind: input.kind)
      }
    }
    self.inputs = inputs
    let execution = Set(stage.parameters.filter(\.execution).map(\.name))
    keyed = values.filter { !execution.contains($0.key) }
    key = ActionKey.digest(
      stage: stage.name, version: stage.version, parameters: keyed, inputs: inputs)
  }

  private static func values(
    _ declared: [any ParameterDeclaration], _ settings: [String: JSON]
  ) throws(UsageError) -> [String: JSON] {
    let known = declared.map(\.name)
    for name in settings.keys.sorted() where !known.contains(name) {
      throw .unknownParameter(name, known: known)
    }
    var values: [String: JSON] = [:]
    for parameter in declared {
      values[parameter.name] = try parameter.canonical(
        settings[parameter.name] ?? parameter.defaultValue)
    }
    return values
  }

  private static func digest(
    _ text: String, input: String, store: ObjectStore
  ) throws -> Digest {
    if let digest = Digest(text), text.hasPrefix(Digest.scheme) { return digest }
    if !text.hasPrefix(Digest.scheme), let isFolder = SourceFolder.isFolder(text) {
      return isFolder ? try store.put(folder: text) : try store.put(file: text)
    }
    if let digest = Digest(text) { return digest }
    let digits = text.hasPrefix(Digest.scheme) ? text.dropFirst(Digest.scheme.count) : text[...]
    // Four digits at least, so that a misspelt path is not taken for a digest.
    guard digits.count >= (text.hasPrefix(Digest.scheme) ? 1 : 4),
      let found = try? store.digests(matching: String(digits)),
      let first = found.first
    else { throw UsageError.badInput(name: input, text: text) }
    guard found.count == 1 else {
      throw UsageError.ambiguousInput(name: input, text: text, count: found.count)
    }
    return first
  }
}
