public import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ObjectStore {
  /// Returns what the digest names, or nil if no such object is here.
  public func kind(of digest: Digest) -> ObjectKind? { form(of: digest)?.kind }

  /// Returns the size of a file's content, or of all the files of a tree; reads no more than it must.
  /// - Throws: `StoreError.missing`, `.damaged`.
  public func size(of digest: Digest) throws(StoreError) -> Int {
    switch form(of: digest) {
    case nil: throw .missing(digest)
    case .tree: return try tree(digest).size
    case .deflated: return try read(digest).count
    case .raw: return storedSize(of: digest) ?? 0
    }
  }

  /// Returns how many bytes the object's own file takes, or nil if it is absent.
  public func storedSize(of digest: Digest) -> Int? {
    guard let form = form(of: digest) else { return nil }
    return FileStamp(path: place(of: digest, as: form))?.size
  }

  /// Returns those objects of a file or tree, itself included, that are not here.
  public func absent(from digest: Digest) throws(StoreError) -> [Digest] {
    switch kind(of: digest) {
    case nil: return [digest]
    case .file: return []
    case .tree: return try tree(digest).entries.map(\.digest).filter { kind(of: $0) != .file }
    }
  }

  /// Returns the digests that begin with some digits, sorted, each once.
  /// - Parameter prefix: with or without `sha256:`; empty for all objects of the store.
  /// - Throws: `StoreError.badPrefix` if it has anything but lower-case hexadecimal digits.
  public func digests(matching prefix: String) throws(StoreError) -> [Digest] {
    let digits =
      prefix.hasPrefix(Digest.scheme) ? prefix.dropFirst(Digest.scheme.count) : prefix[...]
    guard digits.utf8.count <= 64, digits.utf8.allSatisfy({ Self.hexDigits.contains($0) }) else {
      throw .badPrefix(prefix)
    }
    let folders =
      digits.count >= 2
      ? [String(digits.prefix(2))]
      : try Disk.names(in: path + "/objects").filter { $0.hasPrefix(digits) }
    var found: [Digest] = []
    for folder in folders {
      for name in try Disk.names(in: path + "/objects/" + folder) {
        let stem = name.prefix { $0 != "." }
        guard let digest = Digest(folder + stem), digest.hex.hasPrefix(digits),
          ObjectForm(rawValue: String(name.dropFirst(stem.count))) != nil
        else { continue }
        if found.last != digest { found.append(digest) }
      }
    }
    return Array(Set(found)).sorted()
  }

  /// Removes an object in all its forms; what refers to it is not looked at.
  public func remove(_ digest: Digest) throws(StoreError) {
    for form in ObjectForm.allCases { try Disk.remove(place(of: digest, as: form)) }
  }

  func form(of digest: Digest) -> ObjectForm? {
    ObjectForm.allCases.first { access(place(of: digest, as: $0), F_OK) == 0 }
  }

  func place(of digest: Digest, as form: ObjectForm) -> String {
    "\(path)/objects/\(Self.split(digest))\(form.rawValue)"
  }

  private static let hexDigits = Set("0123456789abcdef".utf8)
}
