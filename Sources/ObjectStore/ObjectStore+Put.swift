public import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ObjectStore {
  /// Stores a file's content. One that is here already is checked, and healed if damaged.
  /// - Parameter mappable: keeps it raw on disk, so that it can be mapped.
  public func put(_ bytes: [UInt8], mappable: Bool = false) throws(StoreError) -> Digest {
    try bytes.withBytes { view throws(StoreError) in
      try put(view, mappable: mappable)
    }
  }

  /// Stores the listing of a tree. Its files should be here; that is not checked.
  /// - Throws: `StoreError.badPath`.
  public func put(tree entries: [TreeEntry]) throws(StoreError) -> Digest {
    let listing = try Tree(entries).listing
    let digest = Digest(of: listing)
    if !isWhole(digest, as: .tree) {
      let file = try TemporaryFile(in: temporaryFolder)
      try listing.withBytes { view throws(StoreError) in try file.write(view) }
      try file.move(to: place(of: digest, as: .tree), size: listing.count)
    }
    return digest
  }

  /// Starts a file whose content comes piece by piece.
  /// - Parameter mappable: keeps it raw on disk, so that it can be mapped.
  public func writer(mappable: Bool) throws(StoreError) -> ObjectWriter {
    try ObjectWriter(store: self, mappable: mappable)
  }

  func put(_ view: UnsafeRawBufferPointer, mappable: Bool) throws(StoreError) -> Digest {
    var hasher = Hasher256()
    hasher.update(view)
    let digest = hasher.finish()
    if isFileWhole(digest) { return digest }
    let packed = mappable ? nil : Self.packed(view)
    let file = try TemporaryFile(in: temporaryFolder)
    if let packed {
      try packed.withBytes { bytes throws(StoreError) in try file.write(bytes) }
      try file.move(to: place(of: digest, as: .deflated), size: packed.count)
    } else {
      try file.write(view)
      try file.move(to: place(of: digest, as: .raw), size: view.count)
    }
    return digest
  }

  /// The deflated form, if it pays.
  static func packed(_ view: UnsafeRawBufferPointer) -> [UInt8]? {
    guard view.count >= 64, Codec.looksLikeText(view) else { return nil }
    return Codec.deflate(view)
  }

  /// Whether the content is here already, in either form, and undamaged.
  func isFileWhole(_ digest: Digest) -> Bool {
    isWhole(digest, as: .raw) || isWhole(digest, as: .deflated)
  }

  /// Whether an object is here and undamaged; then it counts as new, so that no garbage collection
  /// under way takes it.
  private func isWhole(_ digest: Digest, as form: ObjectForm) -> Bool {
    let place = place(of: digest, as: form)
    let known = FileStamp(path: place).map { verified.contains(digest, $0) } ?? false
    guard utimensat(AT_FDCWD, place, nil, 0) == 0 || access(place, F_OK) == 0 else { return false }
    if known {
      remember(digest, as: form)
      return true
    }
    do {
      try verify(digest, as: form, keep: nil)
      remember(digest, as: form)
      return true
    } catch {
      return false
    }
  }

  /// Remembers that an object was whole just now, so that mapping it does not hash it again.
  ///
  /// Only of large ones: a stamp says nothing until it is older than its grain, and waiting for that
  /// takes as long as hashing a dozen megabytes.
  func remember(_ digest: Digest, as form: ObjectForm) {
    guard let stamp = FileStamp(path: place(of: digest, as: form)), stamp.size >= Self.large,
      stamp.settlesSoon
    else { return }
    stamp.settle()
    verified.insert(digest, stamp)
  }

  /// Bytes from which on a file is better looked at twice than copied or hashed for nothing.
  static let large = 1 << 24
}
