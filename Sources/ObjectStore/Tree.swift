public import Bytes

/// Stores one file of a tree: where it is and what it holds.
public struct TreeEntry: Hashable, Sendable {
  /// The path within the tree, parts joined by `/`.
  public let path: String
  /// The object that holds the content.
  public let digest: Digest
  /// The content's size in bytes.
  public let size: Int

  public init(path: String, digest: Digest, size: Int) {
    self.path = path
    self.digest = digest
    self.size = size
  }
}

/// Stores what a folder holds: its files, sorted by the bytes of their paths.
public struct Tree: Hashable, Sendable {
  /// The files, sorted.
  public let entries: [TreeEntry]

  /// Sorts the entries and checks their paths.
  /// - Throws: `StoreError.badPath`.
  public init(_ entries: [TreeEntry]) throws(StoreError) {
    let sorted = entries.sorted { Self.precedes($0.path, $1.path) }
    for (index, entry) in sorted.enumerated() {
      let parts = entry.path.utf8.split(
        separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      guard !entry.path.utf8.contains(0),
        parts.allSatisfy({
          !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
        })
      else { throw .badPath(entry.path) }
      if index > 0, sorted[index - 1].path.utf8.elementsEqual(entry.path.utf8) {
        throw .badPath(entry.path)
      }
    }
    self.entries = sorted
    for entry in sorted {
      for (at, byte) in zip(entry.path.utf8.indices, entry.path.utf8)
      where byte == UInt8(ascii: "/") && self[String(entry.path[..<at])] != nil {
        throw .badPath(entry.path)
      }
    }
  }

  /// The file of that path. Complexity: logarithmic in the number of files.
  public subscript(path: String) -> TreeEntry? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if Self.precedes(entries[middle].path, path) { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low].path.utf8.elementsEqual(path.utf8) else { return nil }
    return entries[low]
  }

  /// The sum of the files' sizes.
  public var size: Int { entries.reduce(0) { $0 + $1.size } }

  // String's own order calls two spellings of "é" equal; two files may differ in just that.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}
