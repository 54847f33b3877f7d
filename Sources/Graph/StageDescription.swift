public import Bytes

/// Stores what a stage says of itself with `--describe`.
public struct StageDescription: Sendable, Equatable {
  /// One artifact that a stage reads or writes.
  public struct Port: Sendable, Equatable {
    public var name: String
    public var kind: String
    public var optional: Bool
    /// The values of parameters with which alone an output is written.
    public var when: [String: String]
    public var help: String

    public init(
      _ name: String, kind: String = "file", optional: Bool = false, when: [String: String] = [:],
      help: String = ""
    ) {
      self.name = name
      self.kind = kind
      self.optional = optional
      self.when = when
      self.help = help
    }
  }

  /// What a stage needs of the machine while it runs.
  public struct Resources: Sendable, Equatable {
    public var cores: Int?
    /// In bytes.
    public var memory: Int?

    public init(cores: Int? = nil, memory: Int? = nil) {
      self.cores = cores
      self.memory = memory
    }
  }

  public var name: String
  public var version: Int
  public var summary: String
  public var inputs: [Port]
  public var outputs: [Port]
  public var parameters: [ParameterDescription]
  public var resources: Resources
  /// Environment variables it may read.
  public var secrets: [String]

  public init(
    name: String, version: Int, summary: String = "", inputs: [Port] = [], outputs: [Port] = [],
    parameters: [ParameterDescription] = [], resources: Resources = Resources(),
    secrets: [String] = []
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.inputs = inputs
    self.outputs = outputs
    self.parameters = parameters
    self.resources = resources
    self.secrets = secrets
  }
}

/// Says which member of a stage's description is missing or of the wrong type.
public struct DescriptionError: Error, Sendable, Equatable {
  public let member: String
}

extension StageDescription {
  /// Reads what `--describe` prints.
  public init(_ json: JSON) throws(DescriptionError) {
    guard let name = json["name"]?.stringValue else { throw DescriptionError(member: "name") }
    guard let version = json["version"]?.intValue else {
      throw DescriptionError(member: "version")
    }
    self.init(name: name, version: version, summary: json["summary"]?.stringValue ?? "")
    inputs = try Self.ports(json, "inputs")
    outputs = try Self.ports(json, "outputs")
    for parameter in json["parameters"]?.arrayValue ?? [] {
      parameters.append(try ParameterDescription(parameter))
    }
    resources = Resources(
      cores: json["resources"]?["cores"]?.intValue, memory: json["resources"]?["memory"]?.intValue)
    secrets = json["secrets"]?.arrayValue?.compactMap(\.stringValue) ?? []
  }

  private static func ports(_ json: JSON, _ member: String) throws(DescriptionError) -> [Port] {
    var ports: [Port] = []
    for port in json[member]?.arrayValue ?? [] {
      guard let name = port["name"]?.stringValue else {
        throw DescriptionError(member: "\(member).name")
      }
      ports.append(
        Port(
          name, kind: port["kind"]?.stringValue ?? "file",
          optional: port["optional"]?.boolValue ?? false,
          when: (port["when"]?.objectValue ?? [:]).compactMapValues(\.stringValue),
          help: port["help"]?.stringValue ?? ""))
    }
    return ports
  }

  /// What `--describe` prints.
  public var json: JSON {
    [
      "name": .string(name), "version": .int(version), "summary": .string(summary),
      "inputs": .array(inputs.map(Self.json)), "outputs": .array(outputs.map(Self.json)),
      "parameters": .array(parameters.map(\.json)),
      "resources": [
        "cores": resources.cores.map(JSON.int) ?? .null,
        "memory": resources.memory.map(JSON.int) ?? .null,
      ],
      "secrets": .array(secrets.map(JSON.string)),
    ]
  }

  private static func json(_ port: Port) -> JSON {
    var members: [String: JSON] = [
      "name": .string(port.name), "kind": .string(port.kind), "optional": .bool(port.optional),
      "help": .string(port.help),
    ]
    if !port.when.isEmpty { members["when"] = .object(port.when.mapValues(JSON.string)) }
    return .object(members)
  }
}
