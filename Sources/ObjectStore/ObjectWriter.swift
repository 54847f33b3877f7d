public import Bytes

/// Writes one file object piece by piece; nothing is stored unless it is finished.
public final class ObjectWriter {
  private let store: ObjectStore
  private let mappable: Bool
  private let file: TemporaryFile
  private var hasher = Hasher256()
  private var pending: [UInt8] = []
  /// How many bytes have been written.
  public private(set) var count = 0

  init(store: ObjectStore, mappable: Bool) throws(StoreError) {
    self.store = store
    self.mappable = mappable
    file = try TemporaryFile(in: store.temporaryFolder)
  }

  /// Appends bytes.
  public func write(_ bytes: [UInt8]) throws(StoreError) {
    try bytes.withBytes { view throws(StoreError) in try write(view) }
  }

  /// Appends bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    count += bytes.count
    if bytes.count >= Self.buffer {
      try flush()
      try hashAndWrite(bytes)
    } else {
      hasher.update(bytes)
      pending += bytes
      if pending.count >= Self.buffer { try flush() }
    }
  }

  /// Hashes on one thread what the other writes: copying into the system's memory takes as long.
  private func hashAndWrite(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    var hasher = hasher
    var failure: StoreError?
    inParallel {
      hasher.update(bytes)
    } _: {
      do throws(StoreError) { try file.write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    self.hasher = hasher
  }

  /// Appends a text's UTF-8.
  public func write(_ text: String) throws(StoreError) { try write(Array(text.utf8)) }

  /// Stores what was written, and returns its digest. The writer is of no further use.
  public func finish() throws(StoreError) -> Digest {
    try flush()
    try file.finish(size: count)
    let digest = hasher.finish()
    defer { file.discard() }
    if store.isFileWhole(digest) { return digest }
    if !mappable, let packed = try packed() {
      try packed.move(to: store.place(of: digest, as: .deflated), size: packedSize)
    } else {
      try file.move(to: store.place(of: digest, as: .raw), size: count)
      store.remember(digest, as: .raw)
    }
    return digest
  }

  private static let buffer = 1 << 16
  private var packedSize = 0

  private func flush() throws(StoreError) {
    try pending.withBytes { view throws(StoreError) in try file.write(view) }
    pending.removeAll(keepingCapacity: true)
  }

  /// The deflated form in a file of its own, if it pays.
  private func packed() throws(StoreError) -> TemporaryFile? {
    guard count >= 64 else { return nil }
    let content: MappedFile
    do { content = try MappedFile(path: file.path) } catch { throw .file(error) }
    return try content.withBytes { bytes throws(StoreError) in try packed(bytes) }
  }

  private func packed(_ content: UnsafeRawBufferPointer) throws(StoreError) -> TemporaryFile? {
    guard Codec.looksLikeText(content) else { return nil }
    let out = try TemporaryFile(in: store.temporaryFolder)
    let limit = count - count / 10
    packedSize = 0
    var failure: StoreError?
    let done = Codec.deflate(content) { piece in
      packedSize += piece.count
      guard packedSize < limit else { return false }
      do throws(StoreError) { try out.write(piece) } catch { failure = error }
      return failure == nil
    }
    if let failure { throw failure }
    return done ? out : nil
  }
}
