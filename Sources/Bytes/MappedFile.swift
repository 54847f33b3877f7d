#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores a read-only view of a whole file; unmapped when the last reference goes.
///
/// The bytes must not change while mapped: store objects never do.
public final class MappedFile: Sendable {
  /// The mapped bytes, valid as long as this object lives. Immutable, hence safe to share.
  public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  /// Non-nil where the bytes are owned memory instead of a mapping.
  private let isMapping: Bool

  /// Maps a file.
  /// - Throws: `FileError` if it cannot be opened or mapped.
  public init(path: String) throws(FileError) {
    // Of a pipe one would else wait for somebody to write to it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(.open, path, code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(.stat, path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      throw FileError(isFolder ? .open : .map, path, code: isFolder ? EISDIR : ENOTSUP)
    }
    let size = Int(status.st_size)
    if size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      isMapping = false
      return
    }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
    else { throw FileError(.map, path, code: errno) }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
    isMapping = true
  }

  /// Holds a copy of bytes already in memory, for content that is not a plain file on disk.
  public init(copying content: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 64)
    copy.copyBytes(from: content)
    bytes = UnsafeRawBufferPointer(copy)
    isMapping = false
  }

  public var count: Int { bytes.count }

  /// Lends the bytes to a closure, and keeps them mapped at least until it returns.
  ///
  /// `bytes` of an object that nothing else holds (`store.map(digest).bytes`) dangles at once.
  public func withBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }

  /// Tells the system that some of the bytes have been read for now: their pages no longer count as
  /// memory of this process, and come from the file again should they be read again.
  public func letGo(_ part: UnsafeRawBufferPointer) {
    guard isMapping, let start = part.baseAddress, part.count > 0 else { return }
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let first = UInt(bitPattern: start) / page * page
    let last = (UInt(bitPattern: start) + UInt(part.count)) / page * page
    guard last > first, let place = UnsafeMutableRawPointer(bitPattern: first) else { return }
    madvise(place, Int(last - first), MADV_DONTNEED)
  }

  deinit {
    if isMapping {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    } else if bytes.baseAddress != nil {
      bytes.deallocate()
    }
  }
}
