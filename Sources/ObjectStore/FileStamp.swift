import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores what the system tells of a file without reading it: equal stamps, unchanged file.
///
/// That holds for a file whose stamp was older than its grain when it was read, which the store waits for.
public struct FileStamp: Hashable, Sendable {
  /// The device and inode.
  public let device: UInt64
  public let inode: UInt64
  /// The size in bytes.
  public let size: Int
  /// When the content was changed, in nanoseconds since 1970.
  public let modified: Int64
  /// When content or attributes were changed; no program can set it at will.
  public let changed: Int64
  /// Type and permissions.
  package let mode: UInt32

  init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    size = Int(status.st_size)
    #if canImport(Darwin)
      let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
    #else
      let (modified, changed) = (status.st_mtim, status.st_ctim)
    #endif
    self.modified = Self.nanoseconds(modified)
    self.changed = Self.nanoseconds(changed)
    mode = UInt32(status.st_mode)
  }

  /// Reads the stamp of a file, or of the one a link leads to; nil if there is none.
  public init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  package var isFile: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
  package var isFolder: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }

  /// How far apart two changes must be so that their stamps differ, in nanoseconds.
  ///
  /// Kernels stamp files with a clock that ticks every 10 ms at most; file systems that keep
  /// seconds alone show it by their zeros, and the coarsest keep every other second.
  private var grain: Int64 { changed % 1_000_000_000 == 0 ? 2_000_000_000 : 10_000_000 }

  /// Whether `settle` takes milliseconds, not seconds.
  var settlesSoon: Bool { grain < 1_000_000_000 }

  /// Waits until a later change would show in the stamp. Never longer than some two seconds.
  func settle() {
    let age = Self.now &- changed
    guard age < grain, age > -grain else { return }
    usleep(UInt32(clamping: (grain - max(age, 0)) / 1000 + 1))
  }

  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return nanoseconds(time)
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    // Times beyond the year 2262 wrap around: stamps are only ever compared.
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
