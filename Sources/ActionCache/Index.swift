import Bytes
import Foundation
import GRDB
import Synchronization

/// Stores the journal in a form that can be searched, and what is known of files by their stamps.
///
/// It is a cache: deleted, damaged or of another version, it is made again from the journal; where it
/// cannot be written, it goes on in memory.
final class Index: Sendable {
  private let journal: Journal
  /// The database in use: that beside the journal, or one in memory.
  private let current: Mutex<DatabaseQueue>

  /// Opens the index beside the journal, making it if need be, and brings it up to date.
  init(path: String, journal: Journal) throws {
    self.journal = journal
    do {
      current = Mutex(try Self.open(path))
    } catch let error as DatabaseError where Self.isUnwritable(error) {
      current = Mutex(try Self.inMemory())
    }
    try catchUp()
  }

  private static func inMemory() throws -> DatabaseQueue {
    let database = try DatabaseQueue()
    try prepare(database)
    return database
  }

  private static func isUnwritable(_ error: DatabaseError) -> Bool {
    switch error.resultCode {
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_IOERR, .SQLITE_AUTH,
      .SQLITE_FULL:
      true
    default: false
    }
  }

  private static func isDamage(_ error: DatabaseError) -> Bool {
    [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
  }

  private static func open(_ path: String) throws -> DatabaseQueue {
    do {
      let database = try connect(path)
      try prepare(database)
      return database
    } catch let error as DatabaseError where isDamage(error) {
      for suffix in ["", "-wal", "-shm"] { unlinkFile(path + suffix) }
      let database = try connect(path)
      try prepare(database)
      return database
    }
  }

  /// Milliseconds that a connection waits for others.
  private static let patience = 60_000

  private static func connect(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.prepareDatabase { connection in
      // Two that change a new file's mode at once each wait for the other to let go of its reading:
      // they wait for a moment only, let go, and try again.
      try connection.execute(sql: "PRAGMA busy_timeout = 50")
      // Setting the mode reads the file, and so also notices one that is no database.
      _ = try String.fetchOne(connection, sql: "PRAGMA journal_mode = WAL")
      try connection.execute(sql: "PRAGMA busy_timeout = \(patience)")
      try connection.execute(sql: "PRAGMA synchronous = NORMAL")
    }
    let start = ContinuousClock.now
    while true {
      do {
        return try DatabaseQueue(path: path, configuration: configuration)
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
        guard start.duration(to: .now) < .milliseconds(patience) else { throw error }
        usleep(UInt32.random(in: 1_000...30_000))
      }
    }
  }

  private static func prepare(_ database: DatabaseQueue) throws {
    try database.inTransaction(.immediate) { connection in
      let version = try Int.fetchOne(connection, sql: "PRAGMA user_version") ?? 0
      if version != schemaVersion {
        let tables = try String.fetchAll(
          connection,
          sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for table in tables {
          try connection.execute(sql: "DROP TABLE \(table.quotedDatabaseIdentifier)")
        }
        try connection.execute(sql: schema)
        try connection.execute(sql: "PRAGMA user_version = \(schemaVersion)")
      }
      return .commit
    }
  }

  // MARK: Making it anew

  /// Does something with the database; where that proves to be damaged, once more with one made anew
  /// from the journal, and where it cannot be written, with one in memory.
  private func use<T>(
    leavingUnwritable: Bool = false, _ body: (DatabaseQueue) throws -> T
  ) throws -> T {
    let database = current.withLock { $0 }
    do {
      return try body(database)
    } catch let error as DatabaseError
      where Self.isDamage(error) || (Self.isUnwritable(error) && !leavingUnwritable)
    {
      return try body(try replacement(of: database, because: error))
    }
  }

  private func replacement(
    of database: DatabaseQueue, because error: DatabaseError
  ) throws -> DatabaseQueue {
    try current.withLock { current in
      // Another task may have come here first.
      guard current === database else { return current }
      if Self.isDamage(error), (try? empty(database)) != nil { return database }
      let memory = try Self.inMemory()
      try follow(memory)
      current = memory
      return memory
    }
  }

  /// Makes a damaged database anew where it lies: its file taken away from under other processes,
  /// each would go on with what it has open, and at its end remove the log of the new one.
  private func empty(_ database: DatabaseQueue) throws {
    try Self.inMemory().backup(to: database)
    try follow(database)
  }

  // MARK: Following the journal

  /// Takes over what the journal has gained since, whoever wrote it.
  func catchUp() throws { try use { try follow($0) } }

  private func follow(_ database: DatabaseQueue) throws {
    try database.inTransaction(.immediate) { connection in
      guard
        let row = try Row.fetchOne(connection, sql: "SELECT offset, tail FROM position")
      else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "no position") }
      let tail: [UInt8] = Array(row["tail"] as Data)
      if let reading = try journal.read(from: row["offset"], tail: tail) {
        if reading.end == row["offset"] as Int { return .rollback }
        try Self.apply(reading, connection)
      } else {
        // Another journal, or a shorter one: begin again.
        for table in Self.journalTables { try connection.execute(sql: "DELETE FROM \(table)") }
        try connection.execute(
          sql: "UPDATE position SET offset = 0, tail = x'', passed_over = 0, synced = 0")
        if let reading = try journal.read(from: 0, tail: []) {
          try Self.apply(reading, connection)
        }
      }
      return .commit
    }
  }

  private static func apply(_ reading: Journal.Reading, _ connection: Database) throws {
    for entry in reading.entries { try apply(entry, connection) }
    try connection.execute(
      sql: "UPDATE position SET offset = ?, tail = ?, passed_over = passed_over + ?",
      arguments: [reading.end, Data(reading.tail), reading.passedOver])
  }

  private static func apply(_ entry: JournalEntry, _ connection: Database) throws {
    switch entry {
    case .action(let record):
      try connection.cachedStatement(
        sql: "INSERT INTO action(key, user, node, exit, seconds, line) VALUES (?, ?, ?, ?, ?, ?)"
      ).execute(arguments: [
        record.key.hex, userColumn(record.user), record.node, Int(record.exit),
        record.end.seconds(since: record.start), record.json.text,
      ])
      let id = connection.lastInsertedRowID
      if record.succeeded {
        for (name, digest) in record.outputs.sorted(by: { $0.key < $1.key }) {
          try connection.cachedStatement(sql: "INSERT OR REPLACE INTO output VALUES (?, ?, ?)")
            .execute(arguments: [digest.hex, id, name])
        }
        try setState(record.user, record.node, record.key, connection)
      } else {
        try connection.cachedStatement(
          sql: """
            INSERT INTO state(user, node, failed) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET failed = excluded.failed
            """
        ).execute(arguments: [userColumn(record.user), record.node, id])
      }
    case .adopted(let user, let node, let key): try setState(user, node, key, connection)
    case .started(let user, let node, let key):
      for statement in [
        "INSERT OR REPLACE INTO unfinished(user, node, key) VALUES (?, ?, ?)",
        "INSERT OR IGNORE INTO started(user, node, key) VALUES (?, ?, ?)",
      ] {
        try connection.cachedStatement(sql: statement)
          .execute(arguments: [userColumn(user), node, key.hex])
      }
    case .current(let user, let node, let key):
      try connection.cachedStatement(sql: "INSERT OR REPLACE INTO current VALUES (?, ?, ?)")
        .execute(arguments: [userColumn(user), node, key.hex])
    case .build(let record):
      try connection.execute(
        sql: "INSERT INTO build(line) VALUES (?)", arguments: [record.json.text])
    case .damaged(let record):
      try connection.execute(
        sql: "INSERT INTO damage(build, line) VALUES ((SELECT max(id) FROM build), ?)",
        arguments: [record.json.text])
    case .synced:
      try connection.execute(
        sql: "UPDATE position SET synced = (SELECT coalesce(max(id), 0) FROM action)")
    }
  }

  private static func setState(
    _ user: String?, _ node: String, _ key: Digest, _ connection: Database
  ) throws {
    try connection.cachedStatement(sql: "INSERT OR REPLACE INTO state VALUES (?, ?, ?, NULL)")
      .execute(arguments: [userColumn(user), node, key.hex])
    try connection.cachedStatement(sql: "DELETE FROM unfinished WHERE user = ? AND node = ?")
      .execute(arguments: [userColumn(user), node])
  }

  /// A user's name may be empty text in no list, so that stands for actions of no user.
  static func userColumn(_ user: String?) -> String { user ?? "" }

  // MARK: Access

  func read<T>(_ body: (Database) throws -> T) throws -> T {
    try use { try $0.read(body) }
  }

  /// Writes what is not from the journal; what cannot be written is not worth giving up the rest for.
  func write<T>(_ body: (Database) throws -> T) throws -> T {
    try use(leavingUnwritable: true) { try $0.write(body) }
  }
}
