public import Bytes

/// Stores one finished action: what it was made of, what came out, and how it went.
public struct ActionRecord: Sendable, Equatable {
  public var key: Digest
  public var node: String
  /// Nil for an action that is not of one user.
  public var user: String?
  public var stage: String
  public var version: Int
  /// Those of the key: complete and canonical.
  public var parameters: [String: JSON]
  public var inputs: [String: Digest]
  /// Empty if it failed.
  public var outputs: [String: Digest]
  /// The variant of the kernels the stage computed with, if it said so.
  public var kernels: String?
  public var start: Timestamp
  public var end: Timestamp
  public var host: String
  public var exit: Int32
  /// What a failed stage said last.
  public var message: String?
  /// Why it was run, as data.
  public var reasons: [JSON]

  public init(
    key: Digest, node: String, user: String?, stage: String, version: Int,
    parameters: [String: JSON], inputs: [String: Digest], outputs: [String: Digest],
    kernels: String? = nil, start: Timestamp, end: Timestamp, host: String, exit: Int32 = 0,
    message: String? = nil, reasons: [JSON] = []
  ) {
    self.key = key
    self.node = node
    self.user = user
    self.stage = stage
    self.version = version
    self.parameters = parameters
    self.inputs = inputs
    self.outputs = outputs
    self.kernels = kernels
    self.start = start
    self.end = end
    self.host = host
    self.exit = exit
    self.message = message
    self.reasons = reasons
  }

  public var succeeded: Bool { exit == 0 }

  /// Where the action's log lies within the store.
  public var log: String { Self.log(of: key) }

  /// Where the log of an action lies within the store.
  public static func log(of key: Digest) -> String {
    "logs/\(key.hex.prefix(2))/\(key.hex.dropFirst(2)).log"
  }
}

extension ActionRecord {
  /// The record as a line of the journal.
  public var json: JSON {
    var members: [String: JSON] = [
      "type": "action", "key": .string(key.description), "node": .string(node),
      "stage": .string(stage), "version": .int(version), "parameters": .object(parameters),
      "inputs": .object(inputs.mapValues { .string($0.description) }),
      "outputs": .object(outputs.mapValues { .string($0.description) }),
      "start": .string(start.description), "end": .string(end.description),
      "host": .string(host), "exit": .int(Int(exit)), "log": .string(log),
      "reasons": .array(reasons),
    ]
    members["user"] = user.map(JSON.string)
    members["kernels"] = kernels.map(JSON.string)
    members["message"] = message.map(JSON.string)
    return .object(members)
  }

  /// Reads a line of the journal; nil if it is no action.
  public init?(_ json: JSON) {
    guard json["type"] == "action", let key = json["key"]?.stringValue.flatMap({ Digest($0) }),
      let node = json["node"]?.stringValue, let stage = json["stage"]?.stringValue,
      let version = json["version"]?.intValue,
      let parameters = json["parameters"]?.objectValue,
      let inputs = Self.digests(json["inputs"]), let outputs = Self.digests(json["outputs"]),
      let start = json["start"]?.stringValue.flatMap({ Timestamp($0) }),
      let end = json["end"]?.stringValue.flatMap({ Timestamp($0) }),
      let exit = json["exit"]?.intValue
    else { return nil }
    self.init(
      key: key, node: node, user: json["user"]?.stringValue, stage: stage, version: version,
      parameters: parameters, inputs: inputs, outputs: outputs,
      kernels: json["kernels"]?.stringValue, start: start, end: end,
      host: json["host"]?.stringValue ?? "", exit: Int32(clamping: exit),
      message: json["message"]?.stringValue, reasons: json["reasons"]?.arrayValue ?? [])
  }

  private static func digests(_ json: JSON?) -> [String: Digest]? {
    guard let members = json?.objectValue else { return nil }
    var digests: [String: Digest] = [:]
    for (name, value) in members {
      guard let digest = value.stringValue.flatMap({ Digest($0) }) else { return nil }
      digests[name] = digest
    }
    return digests
  }
}
