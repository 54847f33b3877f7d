import GRDB

extension Index {
  /// Goes up when the tables change: an index of another version is made anew.
  static let schemaVersion = 4

  /// All but `stamp` and `slice` is what the journal says, in a form that can be searched.
  static let schema = """
    CREATE TABLE position(
      id INTEGER PRIMARY KEY CHECK (id = 1), offset INTEGER NOT NULL, tail BLOB NOT NULL,
      passed_over INTEGER NOT NULL, synced INTEGER NOT NULL);
    INSERT INTO position VALUES (1, 0, x'', 0, 0);
    CREATE TABLE action(
      id INTEGER PRIMARY KEY, key TEXT NOT NULL, user TEXT NOT NULL, node TEXT NOT NULL,
      exit INTEGER NOT NULL, seconds REAL NOT NULL, line TEXT NOT NULL);
    CREATE INDEX action_by_key ON action(key);
    CREATE INDEX action_by_node ON action(user, node);
    CREATE TABLE output(
      digest TEXT NOT NULL, action INTEGER NOT NULL, name TEXT NOT NULL,
      PRIMARY KEY (digest, action, name)) WITHOUT ROWID;
    CREATE TABLE state(
      user TEXT NOT NULL, node TEXT NOT NULL, key TEXT, failed INTEGER,
      PRIMARY KEY (user, node)) WITHOUT ROWID;
    CREATE TABLE started(
      key TEXT NOT NULL, user TEXT NOT NULL, node TEXT NOT NULL,
      PRIMARY KEY (key, user, node)) WITHOUT ROWID;
    CREATE TABLE unfinished(
      user TEXT NOT NULL, node TEXT NOT NULL, key TEXT NOT NULL,
      PRIMARY KEY (user, node)) WITHOUT ROWID;
    CREATE TABLE current(
      user TEXT NOT NULL, node TEXT NOT NULL, key TEXT NOT NULL,
      PRIMARY KEY (user, node)) WITHOUT ROWID;
    CREATE TABLE build(id INTEGER PRIMARY KEY, line TEXT NOT NULL);
    CREATE TABLE damage(id INTEGER PRIMARY KEY, build INTEGER, line TEXT NOT NULL);
    CREATE TABLE stamp(
      path TEXT PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL,
      size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL,
      digest TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE slice(
      list TEXT NOT NULL, position INTEGER NOT NULL, user TEXT NOT NULL, digest TEXT NOT NULL,
      PRIMARY KEY (list, position)) WITHOUT ROWID;
    """

  static let journalTables = [
    "action", "output", "state", "started", "unfinished", "current", "build", "damage",
  ]
}
