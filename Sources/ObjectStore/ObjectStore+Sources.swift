public import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ObjectStore {
  /// Stores a file from outside, read once and unchanged while it was read.
  /// - Throws: `StoreError.changedWhileRead`, `.notAFile`, or what the system says.
  public func put(file path: String) throws(StoreError) -> Digest {
    try put(stampedFile: path).digest
  }

  /// As `put(file:)`, with the stamp of the reading.
  public func put(
    stampedFile path: String
  ) throws(StoreError) -> (digest: Digest, stamp: FileStamp) {
    try putSource(Array(path.utf8))
  }

  /// The digest of a file that was found in a folder, which is not stored.
  public func digest(of source: SourceFile) throws(StoreError) -> Digest {
    let descriptor = open(Disk.terminated(source.location), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Disk.failure(.open, source.shown) }
    defer { close(descriptor) }
    var hasher = Hasher256()
    let code = Disk.read(descriptor) { hasher.update($0) }
    guard code == 0 else { throw .file(FileError(.read, source.shown, code: code)) }
    return hasher.finish()
  }

  /// Stores a file that was found in a folder, and returns its entry for a tree.
  ///
  /// The stamp is that of the reading; it may be newer than the one the folder was seen with.
  public func put(
    source: SourceFile
  ) throws(StoreError) -> (entry: TreeEntry, stamp: FileStamp) {
    let (digest, stamp) = try putSource(source.location)
    return (TreeEntry(path: source.path, digest: digest, size: stamp.size), stamp)
  }

  /// Stores a folder from outside: regular files at any depth but dot-files.
  ///
  /// The layout page says what becomes of links and odd names.
  public func put(folder path: String) throws(StoreError) -> Digest {
    var entries: [TreeEntry] = []
    for file in try SourceFolder(path).files { entries.append(try put(source: file).entry) }
    return try put(tree: entries)
  }

  private func putSource(
    _ location: [UInt8]
  ) throws(StoreError) -> (digest: Digest, stamp: FileStamp) {
    let shown = PercentCoding.text(ofName: location)
    // Without O_NONBLOCK a pipe would wait for a writer for ever.
    let descriptor = open(Disk.terminated(location), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw errno == ELOOP ? .linkLoop(path: shown) : Disk.failure(.open, shown)
    }
    defer { close(descriptor) }
    guard var before = FileStamp(descriptor: descriptor) else { throw Disk.failure(.stat, shown) }
    guard before.isFile else { throw .notAFile(path: shown) }
    before.settle()
    guard let settled = FileStamp(descriptor: descriptor) else { throw Disk.failure(.stat, shown) }
    before = settled
    let digest = try copy(descriptor, shown, expecting: before.size)
    // The name may lead to another file by now: editors write a new one and rename it.
    var status = stat()
    guard stat(Disk.terminated(location), &status) == 0, FileStamp(status) == before else {
      throw .changedWhileRead(path: shown)
    }
    return (digest, before)
  }

  private func copy(
    _ descriptor: Int32, _ shown: String, expecting size: Int
  ) throws(StoreError) -> Digest {
    var failure: StoreError?
    var digest: Digest?
    var count = 0
    let code: Int32
    if size <= 1 << 20 {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(size)
      code = Disk.read(descriptor) { bytes += $0 }
      count = bytes.count
      if code == 0, count == size { digest = try put(bytes) }
    } else if size >= Self.large, let present = present(descriptor) {
      return present
    } else {
      let writer = try writer(mappable: false)
      code = Disk.read(descriptor) { piece in
        guard failure == nil else { return }
        do throws(StoreError) { try writer.write(piece) } catch { failure = error }
      }
      count = writer.count
      if failure == nil, code == 0, count == size { digest = try writer.finish() }
    }
    if let failure { throw failure }
    guard code == 0 else { throw .file(FileError(.read, shown, code: code)) }
    guard let digest else { throw .changedWhileRead(path: shown) }
    return digest
  }

  /// The digest of an open file whose content is here already; else nil, and it is at its start.
  ///
  /// A large file is worth reading twice: a copy that is not needed takes longer, and room on the
  /// disk.
  private func present(_ descriptor: Int32) -> Digest? {
    var hasher = Hasher256()
    let code = Disk.read(descriptor) { hasher.update($0) }
    let digest = hasher.finish()
    if code == 0, isFileWhole(digest) { return digest }
    lseek(descriptor, 0, SEEK_SET)
    return nil
  }
}
