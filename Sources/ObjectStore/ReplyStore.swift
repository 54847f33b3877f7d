public import Bytes

/// Stores the replies of teachers: each is paid for or slow to get, so each is durable at once.
///
/// A reply is named by the digest of the canonical request and by the number of the draw.
public struct ReplyStore: Sendable {
  let store: ObjectStore

  /// Stores a reply so that it survives a power cut, and returns the one to use.
  ///
  /// The first reply stays for ever: if another process was faster, its reply is returned.
  /// - Throws: `StoreError.replyNotText`, or what the system says.
  @discardableResult
  public func put(
    request: Digest, draw: Int, _ bytes: [UInt8]
  ) throws(StoreError) -> [UInt8] {
    guard let reply = String(validating: bytes, as: UTF8.self) else {
      throw .replyNotText(request: request, draw: draw)
    }
    let record: JSON = [
      "content": .string(Digest(of: bytes).description), "draw": .int(draw),
      "reply": .string(reply), "request": .string(request.description),
    ]
    let line = record.bytes + [UInt8(ascii: "\n")]
    // A second round only if the reply that was in the way turns out to be damaged.
    for _ in 0..<2 {
      let file = try TemporaryFile(in: store.temporaryFolder)
      try line.withBytes { view throws(StoreError) in try file.write(view) }
      if try file.moveDurably(to: place(request, draw), size: line.count) { return bytes }
      do {
        if let first = try get(request: request, draw: draw) { return first }
      } catch .damagedReply {
        continue
      }
    }
    throw .damagedReply(request: request, draw: draw)
  }

  /// Returns the reply, verified; nil if there is none.
  /// - Throws: `StoreError.damagedReply` after putting it into quarantine.
  public func get(request: Digest, draw: Int) throws(StoreError) -> [UInt8]? {
    let place = place(request, draw)
    guard let line = try Disk.contents(place) else { return nil }
    if let record = try? JSON(parsing: line), record["draw"]?.intValue == draw,
      record["request"]?.stringValue == request.description,
      let reply = record["reply"]?.stringValue,
      record["content"]?.stringValue == Digest(of: reply).description
    {
      return Array(reply.utf8)
    }
    try? Disk.move(place, to: "\(store.path)/quarantine/\(request.hex)-\(draw).json")
    throw .damagedReply(request: request, draw: draw)
  }

  /// Removes the replies to a request, of all draws.
  public func remove(request: Digest) throws(StoreError) {
    let split = ObjectStore.split(request)
    let folder = "\(store.path)/replies/\(split.prefix(2))"
    for name in try Disk.names(in: folder) where name.hasPrefix(split.dropFirst(3) + "-") {
      try Disk.remove(folder + "/" + name)
    }
  }

  private func place(_ request: Digest, _ draw: Int) -> String {
    "\(store.path)/replies/\(ObjectStore.split(request))-\(draw).json"
  }
}
