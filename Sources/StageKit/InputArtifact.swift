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
    try notes.noting { () throws(StoreError) in try store.map(object(path)) }
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
