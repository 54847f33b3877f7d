import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Calls the system on files and folders, and says by name what it refused.
enum Disk {
  static func failure(_ operation: FileError.Operation, _ path: String) -> StoreError {
    .file(FileError(operation, path, code: errno))
  }

  /// Writes all the bytes, going on after interruptions and short writes.
  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String
  ) throws(StoreError) {
    var rest = bytes
    while rest.count > 0 {
      let count = SystemCall.write(descriptor, rest)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(.write, path)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Reads to the end piece by piece. Returns the system's error number, or 0.
  static func read(_ descriptor: Int32, _ consume: (UnsafeRawBufferPointer) -> Void) -> Int32 {
    let size = 1 << 18
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = SystemCall.read(descriptor, buffer)
      if count == 0 { return 0 }
      if count > 0 {
        consume(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      } else if errno != EINTR {
        return errno
      }
    }
  }

  /// Reads a small file whole; nil if there is none.
  static func contents(_ path: String) throws(StoreError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failure(.open, path)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    let code = read(descriptor) { bytes += $0 }
    guard code == 0 else { throw .file(FileError(.read, path, code: code)) }
    return bytes
  }

  /// Makes a folder and those above it. One that is there is fine.
  static func makeFolder(_ path: String, mode: mode_t = 0o777) throws(StoreError) {
    if mkdir(path, mode) == 0 { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      try makeFolder(String(path[..<slash]))
      if mkdir(path, mode) == 0 { return }
    }
    let code = errno
    if code == EEXIST || code == EROFS || code == EACCES, FileStamp(path: path)?.isFolder == true {
      return
    }
    throw .file(FileError(.create, path, code: code))
  }

  /// Moves a file; the folder it goes to is made if need be.
  static func move(_ from: String, to path: String) throws(StoreError) {
    if rename(from, path) == 0 { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/") {
      try makeFolder(String(path[..<slash]))
      if rename(from, path) == 0 { return }
    }
    throw failure(.rename, path)
  }

  /// The folder that holds a file.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Makes what was written to a file or folder survive a power cut.
  static func sync(_ path: String) throws(StoreError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.open, path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(.sync, path) }
  }

  /// The names in a folder, as bytes, sorted; `.` and `..` left out.
  static func names(in path: [UInt8]) throws(StoreError) -> [[UInt8]] {
    let shown = PercentCoding.text(ofName: path)
    guard let folder = opendir(terminated(path)) else { throw failure(.list, shown) }
    defer { closedir(folder) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        let start = UnsafeRawPointer(field)
        let count = strlen(start.assumingMemoryBound(to: CChar.self))
        return Array(UnsafeRawBufferPointer(start: start, count: count))
      }
      if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
    }
    guard errno == 0 else { throw failure(.list, shown) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The names in a folder of the store; none if there is no such folder.
  static func names(in path: String) throws(StoreError) -> [String] {
    do {
      return try names(in: Array(path.utf8)).map { String(decoding: $0, as: UTF8.self) }
    } catch .file(let error) where error.code == ENOENT {
      return []
    }
  }

  /// Removes a file or a folder with all it holds. One that is not there is fine.
  static func remove(_ path: String) throws(StoreError) { try remove(Array(path.utf8)) }

  private static func remove(_ location: [UInt8]) throws(StoreError) {
    let terminated = terminated(location)
    var status = stat()
    guard lstat(terminated, &status) == 0 else {
      if errno == ENOENT { return }
      throw failure(.stat, PercentCoding.text(ofName: location))
    }
    let isFolder = FileStamp(status).isFolder
    if isFolder {
      for name in try names(in: location) { try remove(location + [UInt8(ascii: "/")] + name) }
    }
    guard (isFolder ? rmdir(terminated) : unlink(terminated)) == 0 || errno == ENOENT else {
      throw failure(.remove, PercentCoding.text(ofName: location))
    }
  }

  static func terminated(_ path: [UInt8]) -> [CChar] {
    path.map { CChar(bitPattern: $0) } + [0]
  }
}
