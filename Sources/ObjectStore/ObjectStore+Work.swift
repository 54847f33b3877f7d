public import Bytes

extension ObjectStore {
  /// Takes the folder for the checkpoints of an action; waits while another process has it.
  public func takeWorkFolder(for actionKey: Digest) throws(StoreError) -> WorkFolder {
    try WorkFolder(path: workFolder(for: actionKey))
  }

  /// Takes the checkpoints of an action; nil if there are none, or if another process has them.
  public func idleWorkFolder(for actionKey: Digest) -> WorkFolder? {
    WorkFolder.attempt(path: workFolder(for: actionKey))
  }

  /// Returns the keys of the actions that have checkpoints, sorted.
  public func actionsWithWork() throws(StoreError) -> [Digest] {
    try Disk.names(in: path + "/work").compactMap { $0.count == 64 ? Digest($0) : nil }.sorted()
  }

  /// Returns the keys of the actions that have a log, sorted.
  public func actionsWithLog() throws(StoreError) -> [Digest] {
    var keys: [Digest] = []
    for folder in try Disk.names(in: path + "/logs") where folder.count == 2 {
      for name in try Disk.names(in: "\(path)/logs/\(folder)") where name.hasSuffix(".log") {
        if let key = Digest(folder + name.dropLast(4)) { keys.append(key) }
      }
    }
    return keys.sorted()
  }

  /// Removes the log of an action.
  public func removeLog(of actionKey: Digest) throws(StoreError) {
    try Disk.remove(logFile(for: actionKey))
  }
}

extension WorkFolder {
  /// The size of what it holds, and when any of it was last changed, in nanoseconds since 1970.
  public func extent() throws(StoreError) -> (bytes: Int, modified: Int64) {
    try Self.extent(path)
  }

  private static func extent(_ path: String) throws(StoreError) -> (bytes: Int, modified: Int64) {
    guard let stamp = FileStamp(path: path) else { return (0, 0) }
    guard stamp.isFolder else { return (stamp.size, stamp.modified) }
    var (bytes, modified) = (0, stamp.modified)
    for name in try Disk.names(in: path) {
      let part = try extent(path + "/" + name)
      bytes += part.bytes
      modified = max(modified, part.modified)
    }
    return (bytes, modified)
  }
}
