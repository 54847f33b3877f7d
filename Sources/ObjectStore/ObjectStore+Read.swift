public import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ObjectStore {
  /// Returns the content of a file object, verified.
  /// - Throws: `StoreError.damaged` after putting it into quarantine, `.missing`, `.isTree`.
  public func read(_ digest: Digest) throws(StoreError) -> [UInt8] {
    let form = try fileForm(of: digest)
    var bytes: [UInt8] = []
    if form == .raw { bytes.reserveCapacity(storedSize(of: digest) ?? 0) }
    try verify(digest, as: form) { bytes = $0 }
    return bytes
  }

  /// Returns a view of a file object: raw ones are mapped, deflated ones inflated to memory.
  ///
  /// A raw object is hashed the first time this process maps it, and again if it changes.
  /// - Throws: as `read`.
  public func map(_ digest: Digest) throws(StoreError) -> MappedFile {
    try verifyMapped(digest)
    return try mapUnverified(digest)
  }

  /// Returns a view as `map` does, of a raw object without looking whether it is whole.
  ///
  /// For who has other work while gigabytes are hashed: nothing that came of the view may be handed
  /// on before `verifyMapped` has ended without an error.
  /// - Throws: as `read`.
  public func mapUnverified(_ digest: Digest) throws(StoreError) -> MappedFile {
    let form = try fileForm(of: digest)
    guard form == .raw else { return MappedFile(copying: try read(digest)) }
    do {
      return try MappedFile(path: place(of: digest, as: form))
    } catch {
      throw error.code == ENOENT ? .missing(digest) : .file(error)
    }
  }

  /// Hashes a raw object unless this process has done so and it is as it was; others are hashed when
  /// they are inflated.
  /// - Throws: as `read`.
  public func verifyMapped(_ digest: Digest) throws(StoreError) {
    guard try fileForm(of: digest) == .raw,
      let stamp = FileStamp(path: place(of: digest, as: .raw)), !verified.contains(digest, stamp)
    else { return }
    try verify(digest, as: .raw, keep: nil)
    verified.insert(digest, stamp)
  }

  /// Returns the tree of that digest, verified; its files are not looked at.
  /// - Throws: `StoreError.damaged` after putting it into quarantine, `.missing`, `.isFile`.
  public func tree(_ digest: Digest) throws(StoreError) -> Tree {
    guard let form = form(of: digest) else { throw .missing(digest) }
    guard form == .tree else { throw .isFile(digest) }
    var listing: [UInt8] = []
    try verify(digest, as: .tree) { listing = $0 }
    guard let tree = Tree(listing: listing) else {
      quarantine(digest, as: .tree, stamp: nil, because: .listing)
      throw .damaged(digest, .listing)
    }
    return tree
  }

  /// Reads an object and compares its content with its name; of a tree, the listing alone.
  /// - Throws: `StoreError.damaged` after putting it into quarantine, `.missing`.
  public func verify(_ digest: Digest) throws(StoreError) {
    switch form(of: digest) {
    case nil: throw .missing(digest)
    case .tree: _ = try tree(digest)
    case .some(let form): try verify(digest, as: form, keep: nil)
    }
  }

  private func fileForm(of digest: Digest) throws(StoreError) -> ObjectForm {
    guard let form = form(of: digest) else { throw .missing(digest) }
    guard form != .tree else { throw .isTree(digest) }
    return form
  }

  /// Hashes an object, hands its content to `keep` if it is whole, puts it away if it is not.
  func verify(
    _ digest: Digest, as form: ObjectForm, keep: (([UInt8]) -> Void)?
  ) throws(StoreError) {
    let place = place(of: digest, as: form)
    let descriptor = open(place, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { throw .missing(digest) }
      throw Disk.failure(.open, place)
    }
    defer { close(descriptor) }
    let stamp = FileStamp(descriptor: descriptor)
    let damage: Damage?
    if form == .deflated {
      damage = verifyDeflated(descriptor, digest, keep: keep)
    } else {
      damage = verifyRaw(descriptor, digest, keep: keep)
    }
    if let damage {
      quarantine(digest, as: form, stamp: stamp, because: damage)
      throw .damaged(digest, damage)
    }
  }

  private func verifyRaw(
    _ descriptor: Int32, _ digest: Digest, keep: (([UInt8]) -> Void)?
  ) -> Damage? {
    var hasher = Hasher256()
    var bytes: [UInt8] = []
    let code = Disk.read(descriptor) { piece in
      hasher.update(piece)
      if keep != nil { bytes += piece }
    }
    if code != 0 { return .unreadable(code: code) }
    let found = hasher.finish()
    guard found == digest else { return .content(found: found) }
    keep?(bytes)
    return nil
  }

  private func verifyDeflated(
    _ descriptor: Int32, _ digest: Digest, keep: (([UInt8]) -> Void)?
  ) -> Damage? {
    var packed: [UInt8] = []
    let code = Disk.read(descriptor) { packed += $0 }
    if code != 0 { return .unreadable(code: code) }
    // A few damaged bytes can stand for gigabytes of nothing: beyond what good text can be
    // packed to, nothing is kept until the whole has proved to be what its name says.
    let trusted = packed.count * 20 + (1 << 20)
    var hasher = Hasher256()
    var bytes: [UInt8] = []
    var count = 0
    let outcome = packed.withUnsafeBytes { packed in
      Codec.inflate(packed) { piece in
        hasher.update(piece)
        count += piece.count
        if keep != nil, count <= trusted { bytes += piece }
      }
    }
    guard outcome == .whole else { return .compression }
    let found = hasher.finish()
    guard found == digest else { return .content(found: found) }
    guard let keep else { return nil }
    if bytes.count < count {
      bytes.removeAll()
      bytes.reserveCapacity(count)
      _ = packed.withUnsafeBytes { packed in Codec.inflate(packed) { bytes += $0 } }
    }
    keep(bytes)
    return nil
  }

  /// Takes a damaged object out of the way, unless another process has replaced it meanwhile.
  ///
  /// Where that fails (a store that cannot be written to) the object stays, and is reported again
  /// by whoever reads it next.
  private func quarantine(
    _ digest: Digest, as form: ObjectForm, stamp: FileStamp?, because damage: Damage
  ) {
    damaged.insert(DamagedObject(digest: digest, damage: damage))
    let place = place(of: digest, as: form)
    if let stamp, let present = FileStamp(path: place), present.inode != stamp.inode { return }
    try? Disk.move(place, to: "\(path)/quarantine/\(digest.hex)\(form.rawValue)")
  }
}
