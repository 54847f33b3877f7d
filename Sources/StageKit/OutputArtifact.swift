public import Bytes
public import ObjectStore
import Synchronization

/// Takes one of a stage's outputs: a single file (no path), or a tree of files (each with a path).
public final class OutputArtifact: Sendable {
  public let name: String
  private let store: ObjectStore
  private let written = Mutex<[TreeEntry]>([])
  private let isEmptyTree = Atomic<Bool>(false)

  init(name: String, store: ObjectStore) {
    self.name = name
    self.store = store
  }

  /// Writes the file that is the whole output.
  public func write(_ bytes: [UInt8], mappable: Bool = false) throws {
    try write("", bytes, mappable: mappable)
  }

  /// Writes the file that is the whole output, from text.
  public func write(text: String) throws { try write("", Array(text.utf8)) }

  /// Writes one file of the tree, from text.
  public func write(_ path: String, text: String) throws { try write(path, Array(text.utf8)) }

  /// Writes one file of the tree.
  /// - Parameter mappable: keeps it raw in the store, so that readers can map it: weights, indexes.
  public func write(_ path: String, _ bytes: [UInt8], mappable: Bool = false) throws {
    let digest = try store.put(bytes, mappable: mappable)
    try add(TreeEntry(path: path, digest: digest, size: bytes.count))
  }

  /// Starts a file whose content comes piece by piece; `finish` makes it part of the output.
  public func writer(_ path: String = "", mappable: Bool = false) throws -> OutputWriter {
    OutputWriter(output: self, path: path, writer: try store.writer(mappable: mappable))
  }

  /// Takes over a file of an input as it is, without copying it.
  public func link(_ path: String, to input: InputArtifact, _ inputPath: String = "") throws {
    let digest = try input.digest(of: inputPath)
    try add(TreeEntry(path: path, digest: digest, size: input.size(of: inputPath)))
  }

  /// Reads back a file that was written: what the store holds of it now, verified.
  /// - Throws: `StageError.notWritten` if there is none of this path.
  public func map(_ path: String = "") throws -> MappedFile {
    guard let entry = written.withLock({ $0.first { $0.path == path } }) else {
      throw StageError.notWritten(output: name)
    }
    return try store.map(entry.digest)
  }

  /// Makes the output a tree even if no file is written to it.
  public func makeTree() { isEmptyTree.store(true, ordering: .relaxed) }

  func add(_ entry: TreeEntry) throws {
    let refused = written.withLock { entries in
      let mixed = entries.contains { $0.path.isEmpty || entry.path.isEmpty }
      let twice = entries.contains { $0.path.utf8.elementsEqual(entry.path.utf8) }
      guard !mixed, !twice else { return true }
      entries.append(entry)
      return false
    }
    if refused { throw StageError.writtenTwice(output: name, path: entry.path) }
  }

  /// Returns the digest of the output, or nil if nothing was written.
  func finish() throws(StoreError) -> Digest? {
    let entries = written.withLock { $0 }
    guard let first = entries.first else {
      return isEmptyTree.load(ordering: .relaxed) ? try store.put(tree: []) : nil
    }
    return first.path.isEmpty ? first.digest : try store.put(tree: entries)
  }
}

/// Writes one file of an output piece by piece; it is no part of the output unless finished.
public final class OutputWriter {
  private let output: OutputArtifact
  private let path: String
  private let writer: ObjectWriter

  init(output: OutputArtifact, path: String, writer: ObjectWriter) {
    self.output = output
    self.path = path
    self.writer = writer
  }

  /// How many bytes have been written.
  public var count: Int { writer.count }

  /// Appends bytes.
  public func write(_ bytes: [UInt8]) throws(StoreError) { try writer.write(bytes) }

  /// Appends bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) { try writer.write(bytes) }

  /// Appends a text's UTF-8.
  public func write(_ text: String) throws(StoreError) { try writer.write(text) }

  /// Makes the file part of the output, and returns its digest. The writer is of no further use.
  @discardableResult
  public func finish() throws -> Digest {
    let digest = try writer.finish()
    try output.add(TreeEntry(path: path, digest: digest, size: writer.count))
    return digest
  }
}
