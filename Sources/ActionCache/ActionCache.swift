public import Bytes
import GRDB
public import ObjectStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Remembers which action gave which outputs, and what every node of every user stands for now.
///
/// The journal is the truth. Everything asked here is answered by the index, which follows it.
public struct ActionCache: Sendable {
  public let store: ObjectStore
  private let journal: Journal
  let index: Index

  /// Opens the records of a store, making the index anew where it is missing or damaged.
  public init(_ store: ObjectStore) throws {
    self.store = store
    for folder in ["journal", "locks"] where mkdir("\(store.path)/\(folder)", 0o700) != 0 {
      // A store that cannot be written can still be read.
      guard errno == EEXIST || errno == EROFS || errno == EACCES || errno == ENOSPC else {
        throw FileError(.create, "\(store.path)/\(folder)", code: errno)
      }
    }
    journal = Journal(path: "\(store.path)/journal/main.jsonl")
    index = try Index(path: "\(store.path)/index.sqlite", journal: journal)
  }

  // MARK: Recording

  /// Appends entries to the journal.
  public func record(_ entries: [JournalEntry]) throws {
    guard !entries.isEmpty else { return }
    try journal.append(entries)
    try? index.catchUp()
  }

  /// Takes over what other processes have recorded since.
  public func refresh() throws { try index.catchUp() }

  /// Makes all that was recorded so far outlast a power cut.
  ///
  /// Objects and journal lines lie on one file system, which is synced as a whole: one call for a
  /// group of actions costs what it would for one.
  public func sync() throws {
    try store.sync()
    try record([.synced])
  }

  /// Returns the actions that a power cut may have torn: those recorded after the last sync, if the
  /// machine has been started again since.
  public func unsynced(boot: String) throws -> [ActionRecord] {
    guard let last = try lastBuild(), last.boot != boot else { return [] }
    return try records(
      "SELECT line FROM action WHERE id > (SELECT synced FROM position) AND exit = 0", [])
  }

  // MARK: Asking

  /// Returns the latest successful action with a key.
  public func action(_ key: Digest) throws -> ActionRecord? {
    try records(
      "SELECT line FROM action WHERE key = ? AND exit = 0 ORDER BY id DESC LIMIT 1", [key.hex]
    )
    .first
  }

  /// Returns the latest action with a key, successful or not.
  public func attempt(_ key: Digest) throws -> ActionRecord? {
    try records("SELECT line FROM action WHERE key = ? ORDER BY id DESC LIMIT 1", [key.hex]).first
  }

  /// Returns the keys of actions whose digests begin with these digits, sorted.
  public func keys(beginning digits: String) throws -> [Digest] {
    guard digits.allSatisfy(\.isHexDigit) else { return [] }
    return try index.read { connection in
      try String.fetchAll(
        connection,
        sql: "SELECT DISTINCT key FROM action WHERE key >= ? AND key < ? ORDER BY key",
        arguments: [digits, digits + "g"]
      ).compactMap { Digest($0) }
    }
  }

  /// What a node of a user stands for.
  public struct State: Sendable, Equatable {
    /// The successful action it stands for.
    public var action: ActionRecord?
    /// A later attempt that failed.
    public var failure: ActionRecord?
  }

  /// Returns what a node stands for; both parts are nil if it was never built.
  public func state(user: String?, node: String) throws -> State {
    try index.read { connection in
      guard
        let row = try Row.fetchOne(
          connection, sql: "SELECT key, failed FROM state WHERE user = ? AND node = ?",
          arguments: [Index.userColumn(user), node])
      else { return State() }
      var state = State()
      if let key = row["key"] as String? {
        state.action = try Self.fetch(
          connection,
          "SELECT line FROM action WHERE key = ? AND exit = 0 ORDER BY id DESC LIMIT 1", [key]
        ).first
      }
      if let failed = row["failed"] as Int? {
        state.failure = try Self.fetch(
          connection, "SELECT line FROM action WHERE id = ?", [failed]
        ).first
      }
      return state
    }
  }

  /// Returns the action whose bundle a user uses: the last that was made current, which need not be
  /// the last that was made. Of a user none was made current for, what the node stands for.
  public func currentBundle(user: String?, node: String) throws -> ActionRecord? {
    let key = try index.read { connection in
      try String.fetchOne(
        connection, sql: "SELECT key FROM current WHERE user = ? AND node = ?",
        arguments: [Index.userColumn(user), node])
    }
    if let key = key.flatMap({ Digest($0) }), let action = try action(key) { return action }
    return try state(user: user, node: node).action
  }

  /// Whether a user's bundle was made current and is that of this action.
  public func isCurrent(user: String?, node: String, key: Digest) throws -> Bool {
    try index.read { connection in
      try Bool.fetchOne(
        connection, sql: "SELECT count(*) FROM current WHERE user = ? AND node = ? AND key = ?",
        arguments: [Index.userColumn(user), node, key.hex]) ?? false
    }
  }

  /// Names one node of one user, or one that is of no user.
  public struct Place: Sendable, Hashable, Comparable {
    public let user: String?
    public let node: String

    public init(user: String?, node: String) {
      self.user = user
      self.node = node
    }

    public static func < (a: Place, b: Place) -> Bool {
      (a.user ?? "", a.node) < (b.user ?? "", b.node)
    }
  }

  /// Returns every node of every user that was ever tried, sorted.
  public func places() throws -> [Place] {
    try index.read { connection in
      try Row.fetchAll(connection, sql: "SELECT user, node FROM state ORDER BY user, node").map {
        Place(user: $0["user"] == "" ? nil : $0["user"], node: $0["node"])
      }
    }
  }

  /// Returns every node of every user whose result has an output of this name, sorted: also where the
  /// result is that of another user with the same texts.
  public func places(giving output: String) throws -> [Place] {
    try index.read { connection in
      try Row.fetchAll(
        connection,
        sql: """
          SELECT DISTINCT place.user AS user, place.node AS node
          FROM (SELECT user, node, key FROM state UNION SELECT user, node, key FROM current) AS place
          JOIN action ON action.key = place.key JOIN output ON output.action = action.id
          WHERE output.name = ? ORDER BY 1, 2
          """, arguments: [output]
      ).map { Place(user: $0["user"] == "" ? nil : $0["user"], node: $0["node"]) }
    }
  }

  /// Returns the nodes of one user that were ever tried, sorted.
  public func nodes(of user: String) throws -> [String] {
    try index.read { connection in
      try String.fetchAll(
        connection, sql: "SELECT node FROM state WHERE user = ? ORDER BY node", arguments: [user])
    }
  }

  /// Returns the actions that every node of every user stands for, and those whose bundles are in
  /// use.
  public func current() throws -> [ActionRecord] {
    try records(
      """
      SELECT line FROM action WHERE id IN (
        SELECT max(action.id)
        FROM (SELECT key FROM state UNION SELECT key FROM current) AS standing
        JOIN action ON action.key = standing.key
        WHERE action.exit = 0 GROUP BY action.key)
      """, [])
  }

  /// Returns the keys of the actions that were begun and that no result has come of, nor of a later
  /// action of the same node: the next build goes on with these.
  public func unfinished() throws -> Set<Digest> { try keys("SELECT key FROM unfinished") }

  /// Returns the keys of all actions that were ever begun or done.
  public func known() throws -> Set<Digest> {
    try keys("SELECT key FROM started UNION SELECT key FROM action")
  }

  /// Returns the keys of the actions whose bundles are in use.
  func inUse() throws -> Set<Digest> { try keys("SELECT key FROM current") }

  /// Returns the keys of the actions that nodes stand for, and of later attempts that failed.
  public func standing() throws -> Set<Digest> {
    try keys(
      """
      SELECT key FROM state WHERE key IS NOT NULL
      UNION SELECT key FROM current
      UNION SELECT action.key FROM state JOIN action ON action.id = state.failed
      """)
  }

  private func keys(_ sql: String) throws -> Set<Digest> {
    try index.read { connection in
      Set(try String.fetchAll(connection, sql: sql).compactMap { Digest($0) })
    }
  }

  /// Returns the actions of a node of a user, newest first.
  public func history(user: String?, node: String, limit: Int = 1000) throws -> [ActionRecord] {
    try records(
      "SELECT line FROM action WHERE user = ? AND node = ? ORDER BY id DESC LIMIT ?",
      [Index.userColumn(user), node, limit])
  }

  /// Returns the successful actions that gave an artifact, newest first.
  public func producers(of digest: Digest) throws -> [ActionRecord] {
    try records(
      """
      SELECT line FROM action JOIN output ON output.action = action.id
      WHERE output.digest = ? ORDER BY action.id DESC
      """, [digest.hex])
  }

  /// Returns every artifact that a successful action gave, the newest first.
  public func artifacts() throws -> [Digest] {
    try index.read { connection in
      try String.fetchAll(
        connection, sql: "SELECT digest FROM output GROUP BY digest ORDER BY max(action) DESC"
      ).compactMap { Digest($0) }
    }
  }

  /// Returns the builds, newest first.
  public func builds(limit: Int = 1000) throws -> [BuildRecord] {
    try index.read { connection in
      try String.fetchAll(
        connection, sql: "SELECT line FROM build ORDER BY id DESC LIMIT ?", arguments: [limit]
      ).compactMap { line in
        guard let json = try? JSON(parsing: line), case .build(let record)? = JournalEntry(json)
        else { return nil }
        return record
      }
    }
  }

  /// Returns the objects that were found damaged, build by build, in the order of `builds`.
  public func damage(limit: Int = 1000) throws -> [[DamageRecord]] {
    try index.read { connection in
      try Int.fetchAll(
        connection, sql: "SELECT id FROM build ORDER BY id DESC LIMIT ?", arguments: [limit]
      ).map { build in
        try String.fetchAll(
          connection.cachedStatement(sql: "SELECT line FROM damage WHERE build = ? ORDER BY id"),
          arguments: [build]
        ).compactMap { (try? JSON(parsing: $0)).flatMap { DamageRecord($0) } }
      }
    }
  }

  public func lastBuild() throws -> BuildRecord? { try builds(limit: 1).first }

  /// Returns the latest build of which something is true, however long ago it was.
  public func lastBuild(where isMeant: (BuildRecord) -> Bool) throws -> BuildRecord? {
    try index.read { connection in
      let lines = try String.fetchCursor(
        connection, sql: "SELECT line FROM build ORDER BY id DESC")
      while let line = try lines.next() {
        guard let json = try? JSON(parsing: line), case .build(let record)? = JournalEntry(json)
        else { continue }
        if isMeant(record) { return record }
      }
      return nil
    }
  }

  /// Returns how many seconds successful runs of each node took on average.
  public func meanSeconds() throws -> [String: Double] {
    try index.read { connection in
      let rows = try Row.fetchAll(
        connection,
        sql: "SELECT node, avg(seconds) AS mean FROM action WHERE exit = 0 GROUP BY node")
      return Dictionary(
        rows.map { ($0["node"], $0["mean"]) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// How much there is.
  public struct Counts: Sendable, Equatable {
    public var actions = 0
    public var failures = 0
    public var builds = 0
    /// Objects that were found damaged.
    public var damaged = 0
    /// Lines of the journal that are no entries: torn ones, mostly.
    public var passedOver = 0
  }

  public func counts() throws -> Counts {
    try index.read { connection in
      func number(_ sql: String) throws -> Int { try Int.fetchOne(connection, sql: sql) ?? 0 }
      return Counts(
        actions: try number("SELECT count(*) FROM action"),
        failures: try number("SELECT count(*) FROM action WHERE exit <> 0"),
        builds: try number("SELECT count(*) FROM build"),
        damaged: try number("SELECT count(*) FROM damage"),
        passedOver: try number("SELECT passed_over FROM position"))
    }
  }

  private func records(_ sql: String, _ arguments: StatementArguments) throws -> [ActionRecord] {
    try index.read { try Self.fetch($0, sql, arguments) }
  }

  private static func fetch(
    _ connection: Database, _ sql: String, _ arguments: StatementArguments
  ) throws -> [ActionRecord] {
    try String.fetchAll(connection.cachedStatement(sql: sql), arguments: arguments).compactMap {
      guard let json = try? JSON(parsing: $0) else { return nil }
      return ActionRecord(json)
    }
  }

  // MARK: Locks

  /// Takes the lock of one action, or returns nil if another process is at it.
  public func lock(action key: Digest) throws(FileError) -> FileLock? {
    try FileLock.attempt("\(store.path)/locks/\(key.hex)", removes: true)
  }

  /// Takes the lock that builds share and cleaning needs alone; nil if it is not to be had.
  public func lock(store mode: FileLock.Mode) throws(FileError) -> FileLock? {
    try FileLock.attempt("\(store.path)/locks/store", mode: mode)
  }
}
