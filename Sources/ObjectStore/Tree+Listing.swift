import Bytes

extension Tree {
  private static let heading = Array("plm-tree 1\n".utf8)

  /// The canonical listing; its SHA-256 names the tree.
  public var listing: [UInt8] {
    var out = Self.heading
    out.reserveCapacity(out.count + entries.count * 100)
    for entry in entries {
      out += entry.digest.hex.utf8
      out += " \(entry.size) ".utf8
      out += PercentCoding.listed(entry.path)
      out.append(UInt8(ascii: "\n"))
    }
    return out
  }

  /// Reads a listing; nil unless it is in canonical form to the byte.
  public init?(listing: [UInt8]) {
    guard listing.starts(with: Self.heading) else { return nil }
    var entries: [TreeEntry] = []
    for line in listing.dropFirst(Self.heading.count).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    {
      let fields = line.split(
        separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[0].count == 64,
        let digest = Digest(String(decoding: fields[0], as: UTF8.self)),
        let size = Int(String(decoding: fields[1], as: UTF8.self)), size >= 0,
        let path = PercentCoding.decoded(fields[2])
      else { return nil }
      entries.append(TreeEntry(path: path, digest: digest, size: size))
    }
    guard let tree = try? Tree(entries), tree.listing == listing else { return nil }
    self = tree
  }
}
