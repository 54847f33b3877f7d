public import Bytes

/// Stores one line of the journal.
public enum JournalEntry: Sendable, Equatable {
  /// An action begins; it may leave checkpoints and a log whatever becomes of it.
  case started(user: String?, node: String, key: Digest)
  /// An action finished.
  case action(ActionRecord)
  /// A node came to stand for the result of an earlier action.
  case adopted(user: String?, node: String, key: Digest)
  /// A user's bundle became the one in use: that of the action with this key.
  case current(user: String?, node: String, key: Digest)
  /// A build began.
  case build(BuildRecord)
  /// An object was found damaged.
  case damaged(DamageRecord)
  /// All that stands before this line is on the disk for good.
  case synced

  public var json: JSON {
    switch self {
    case .action(let record): return record.json
    case .started(let user, let node, let key): return Self.json("started", user, node, key)
    case .adopted(let user, let node, let key): return Self.json("adopted", user, node, key)
    case .current(let user, let node, let key): return Self.json("current", user, node, key)
    case .build(let record): return record.json
    case .damaged(let record): return record.json
    case .synced: return ["type": "synced"]
    }
  }

  /// Reads a line; nil if it is none that this version knows.
  public init?(_ json: JSON) {
    switch json["type"]?.stringValue {
    case "action":
      guard let record = ActionRecord(json) else { return nil }
      self = .action(record)
    case "started", "adopted", "current":
      guard let node = json["node"]?.stringValue,
        let key = json["key"]?.stringValue.flatMap({ Digest($0) })
      else { return nil }
      let user = json["user"]?.stringValue
      switch json["type"] {
      case "started": self = .started(user: user, node: node, key: key)
      case "adopted": self = .adopted(user: user, node: node, key: key)
      default: self = .current(user: user, node: node, key: key)
      }
    case "build": self = .build(BuildRecord(json))
    case "damaged":
      guard let record = DamageRecord(json) else { return nil }
      self = .damaged(record)
    case "synced": self = .synced
    default: return nil
    }
  }

  private static func json(_ type: JSON, _ user: String?, _ node: String, _ key: Digest) -> JSON {
    var members = ["type": type, "node": .string(node), "key": .string(key.description)]
    members["user"] = user.map(JSON.string)
    return .object(members)
  }
}

/// Stores what a build was asked for, so that later verbs can go without saying it again.
public struct BuildRecord: Sendable, Equatable {
  public var start: Timestamp
  public var pipeline: String
  public var users: String?
  public var targets: [String]
  public var settings: [String]
  /// Tells one run of the operating system from the next.
  public var boot: String

  public init(
    start: Timestamp, pipeline: String, users: String?, targets: [String], settings: [String],
    boot: String
  ) {
    self.start = start
    self.pipeline = pipeline
    self.users = users
    self.targets = targets
    self.settings = settings
    self.boot = boot
  }

  init(_ json: JSON) {
    self.init(
      start: json["start"]?.stringValue.flatMap { Timestamp($0) } ?? Timestamp(milliseconds: 0),
      pipeline: json["pipeline"]?.stringValue ?? "", users: json["users"]?.stringValue,
      targets: json["targets"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      settings: json["settings"]?.arrayValue?.compactMap(\.stringValue) ?? [],
      boot: json["boot"]?.stringValue ?? "")
  }

  public var json: JSON {
    var members: [String: JSON] = [
      "type": "build", "start": .string(start.description), "pipeline": .string(pipeline),
      "targets": .array(targets.map(JSON.string)), "settings": .array(settings.map(JSON.string)),
      "boot": .string(boot),
    ]
    members["users"] = users.map(JSON.string)
    return .object(members)
  }
}
