import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns a file that is being written; it is removed unless it has been moved into place.
final class TemporaryFile {
  let path: String
  private var descriptor: Int32
  private var moved = false

  /// Makes an empty file in a folder.
  init(in folder: String) throws(StoreError) {
    var (path, descriptor) = Self.make(in: folder)
    if descriptor < 0, errno == ENOENT {
      try Disk.makeFolder(folder)
      (path, descriptor) = Self.make(in: folder)
    }
    // A process that was killed may have had this one's number, and left a file of that name.
    while descriptor < 0, errno == EEXIST { (path, descriptor) = Self.make(in: folder) }
    guard descriptor >= 0 else { throw Disk.failure(.create, path) }
    (self.path, self.descriptor) = (path, descriptor)
  }

  private static func make(in folder: String) -> (path: String, descriptor: Int32) {
    let path = folder + "/" + TemporaryName.next()
    return (path, open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o444))
  }

  deinit { discard() }

  /// Removes the file unless it has been moved.
  func discard() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    if !moved { unlink(path) }
    moved = true
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    try Disk.write(bytes, to: descriptor, path: path)
  }

  /// Closes the file, checks that it has the length it should, and moves it into place.
  func move(to destination: String, size: Int) throws(StoreError) {
    try finish(size: size)
    try Disk.move(path, to: destination)
    moved = true
  }

  /// As `move`, but durable, and false if another file is at that place already: it stays.
  func moveDurably(to destination: String, size: Int) throws(StoreError) -> Bool {
    guard fsync(descriptor) == 0 else { throw Disk.failure(.sync, path) }
    try finish(size: size)
    let folder = Disk.folder(of: destination)
    try Disk.makeFolder(folder)
    // A link fails where a rename would replace the first reply.
    var placed = link(path, destination) == 0
    if !placed, errno != EEXIST {
      // A file system without hard links.
      guard access(destination, F_OK) != 0 else { return false }
      try Disk.move(path, to: destination)
      moved = true
      placed = true
    }
    try Disk.sync(folder)
    try Disk.sync(Disk.folder(of: folder))
    return placed
  }

  /// Closes the file after checking its length; the path stays readable.
  func finish(size: Int) throws(StoreError) {
    guard descriptor >= 0 else { return }
    guard let stamp = FileStamp(descriptor: descriptor) else { throw Disk.failure(.stat, path) }
    guard stamp.size == size else { throw .file(FileError(.write, path, code: EIO)) }
    let result = close(descriptor)
    descriptor = -1
    // Network file systems report a full disk only here.
    guard result == 0 else { throw Disk.failure(.write, path) }
  }
}
