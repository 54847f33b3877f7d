public import Bytes

/// Stores what an action's key is made of, so that two of them can be compared.
public struct Ingredients: Sendable, Equatable {
  public var stage: String
  public var version: Int
  public var parameters: [String: JSON]
  public var inputs: [String: Digest]

  public init(
    stage: String, version: Int, parameters: [String: JSON], inputs: [String: Digest]
  ) {
    self.stage = stage
    self.version = version
    self.parameters = parameters
    self.inputs = inputs
  }
}

/// Stores one reason why an action is stale, with the old and the new value.
public struct Reason: Sendable, Equatable {
  /// What kind of thing changed.
  public enum Kind: String, Sendable {
    case neverBuilt = "never-built"
    case inputChanged = "input-changed"
    case inputAdded = "input-added"
    case inputRemoved = "input-removed"
    case parameterChanged = "parameter-changed"
    case stageChanged = "stage-changed"
    case versionChanged = "version-changed"
    case outputMissing = "output-missing"
    case failedBefore = "failed-before"
    case forced
    case waitsFor = "waits-for"
  }

  public var kind: Kind
  /// The input, parameter, output or node it is about.
  public var subject: String?
  /// Where an input comes from.
  public var origin: String?
  public var old: String?
  public var new: String?

  public init(
    _ kind: Kind, _ subject: String? = nil, origin: String? = nil, old: String? = nil,
    new: String? = nil
  ) {
    self.kind = kind
    self.subject = subject
    self.origin = origin
    self.old = old
    self.new = new
  }
}

extension Reason {
  /// The reason as the journal keeps it.
  public var json: JSON {
    var members: [String: JSON] = ["reason": .string(kind.rawValue)]
    members["subject"] = subject.map(JSON.string)
    members["origin"] = origin.map(JSON.string)
    members["old"] = old.map(JSON.string)
    members["new"] = new.map(JSON.string)
    return .object(members)
  }

  /// Reads a reason back from the journal; nil for a kind that this version does not know.
  public init?(_ json: JSON) {
    guard let kind = json["reason"]?.stringValue.flatMap(Kind.init(rawValue:)) else { return nil }
    self.init(
      kind, json["subject"]?.stringValue, origin: json["origin"]?.stringValue,
      old: json["old"]?.stringValue, new: json["new"]?.stringValue)
  }
}

extension Reason: CustomStringConvertible {
  public var description: String {
    let subject = subject ?? ""
    let from = origin.map { " (\($0))" } ?? ""
    let change = "\(Self.brief(old)) → \(Self.brief(new))"
    return switch kind {
    case .neverBuilt: "never built"
    case .inputChanged: "input \(subject)\(from) changed: \(change)"
    case .inputAdded: "input \(subject)\(from) is new: \(Self.brief(new))"
    case .inputRemoved: "input \(subject) is gone: was \(Self.brief(old))"
    case .parameterChanged: "parameter \(subject) changed: \(change)"
    case .stageChanged: "the program changed: \(change)"
    case .versionChanged: "the stage's version changed: \(change)"
    case .outputMissing: "output \(subject) is missing or damaged in the store: \(Self.brief(old))"
    case .failedBefore: "the last attempt failed (exit \(old ?? "?"))"
    case .forced: "forced"
    case .waitsFor: "\(subject) will run first"
    }
  }

  private static func brief(_ value: String?) -> String {
    guard let value else { return "none" }
    return Digest(value).map { Digest.scheme + $0.short } ?? value
  }
}

/// Stores why an action is stale; fresh where there is no reason.
public enum Explanation {
  /// Compares what an action was made of with what it would be made of now.
  /// - Parameter origins: where each input comes from, for people.
  public static func compare(
    _ old: Ingredients?, _ new: Ingredients, origins: [String: String] = [:]
  ) -> [Reason] {
    guard let old else { return [Reason(.neverBuilt)] }
    var reasons: [Reason] = []
    if old.stage != new.stage {
      reasons.append(Reason(.stageChanged, old: old.stage, new: new.stage))
    }
    if old.version != new.version {
      reasons.append(
        Reason(.versionChanged, old: String(old.version), new: String(new.version)))
    }
    for name in Set(old.inputs.keys).union(new.inputs.keys).sorted() {
      let (was, isNow) = (old.inputs[name], new.inputs[name])
      guard was != isNow else { continue }
      let kind: Reason.Kind =
        was == nil ? .inputAdded : isNow == nil ? .inputRemoved : .inputChanged
      reasons.append(
        Reason(
          kind, name, origin: origins[name], old: was?.description, new: isNow?.description))
    }
    for name in Set(old.parameters.keys).union(new.parameters.keys).sorted() {
      let (was, isNow) = (old.parameters[name], new.parameters[name])
      // As the key has them: a journal read back gives 16 where a default gives 16.0.
      if was?.text != isNow?.text {
        reasons.append(Reason(.parameterChanged, name, old: was?.plain, new: isNow?.plain))
      }
    }
    return reasons
  }
}
