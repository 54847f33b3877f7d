public import Bytes
public import ObjectStore

/// Lends a stage one of its inputs: a file, or a tree of files. All that is read is verified.
public struct InputArtifact: Sendable {
  public let name: String
  public let digest: Digest
  /// The files, where the input is a tree.
  public let tree: Tree?
  private let store: ObjectStore
  private let notes: DamageNotes
  /// Whether views are of what has yet to prove whole.
  private var isAhead = false

  init(
    name: String, digest: Digest, store: ObjectStore, notes: DamageNotes
  ) throws(StoreError) {
    self.name = name
    self.digest = digest
    self.store = store
    self.notes = notes
    switch store.kind(of: digest) {
    case .tree: tree = try store.tree(digest)
    case .file: tree = nil
    case nil: throw .missing(digest)
    }
  }

  public var isTree: Bool { tree != nil }

  /// The paths of the files, sorted by their bytes; none where the input is one file.
  public var paths: [String] { tree?.entries.map(\.path) ?? [] }

  /// Whether the tree has that file; the file that is the whole input has the path "".
  public func has(_ path: String) -> Bool {
    guard let tree else { return path.isEmpty }
    return tree[path] != nil
  }

  /// Returns the content of a file of the tree, or of the file that is the whole input.
  public func read(_ path: String = "") throws(StoreError) -> [UInt8] {
    try notes.noting { () throws(StoreError) in try store.read(object(path)) }
  }

  /// Returns a view of a file's content.
  public func map(_ path: String = "") throws(StoreError) -> MappedFile {
    try notes.noting { () throws(StoreError) in
      isAhead ? try store.mapUnverified(object(path)) : try store.map(object(path))
    }
  }

  /// Returns the same input, whose views need not be waited for: all that can be mapped is hashed on
  /// a thread of its own while the stage goes on.
  ///
  /// For a stage that reads gigabytes once. The run does not count as done, and nothing that it wrote
  /// is handed on, before all has proved whole. What is made of such views must not be kept for
  /// another run.
  /// - Parameter done: called on that thread when all has been looked at, whatever came of it.
  public func verifiedBeside(_ done: @escaping @Sendable () -> Void) -> InputArtifact {
    var ahead = self
    ahead.isAhead = true
    let objects = tree.map { $0.entries.map(\.digest) } ?? [digest]
    notes.lookBeside { [store] () throws(StoreError) in
      defer { done() }
      for object in objects { try store.verifyMapped(object) }
    }
    return ahead
  }

  /// Returns a file's content as text.
  /// - Throws: `StageError.notUTF8`, or as `read`.
  public func text(_ path: String = "") throws -> String {
    let bytes = try read(path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw StageError.notUTF8(input: name, path: path)
    }
    return text
  }

  /// Returns the digest of a file's content.
  public func digest(of path: String) throws(StoreError) -> Digest { try object(path) }

  /// Returns the size of a file's content.
  public func size(of path: String = "") throws(StoreError) -> Int {
    if let tree, let entry = tree[path] { return entry.size }
    return try notes.noting { () throws(StoreError) in try store.size(of: object(path)) }
  }

  private func object(_ path: String) throws(StoreError) -> Digest {
    guard let tree else {
      guard path.isEmpty else { throw .isFile(digest) }
      return digest
    }
    guard !path.isEmpty else { throw .isTree(digest) }
    guard let entry = tree[path] else { throw .noEntry(path: path, tree: digest) }
    return entry.digest
  }
}
