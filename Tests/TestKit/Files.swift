import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes, reads and changes files the way a test's own hands would.
public enum Files {
  /// Writes a file; folders above it are made.
  public static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }

  /// Writes a file; folders above it are made.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      try makeFolder(String(path[..<slash]))
    }
    guard let file = fopen(path, "wb") else { throw FileError(.create, path, code: errno) }
    let count = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, count == bytes.count else {
      throw FileError(.write, path, code: errno)
    }
  }

  /// Appends to a file.
  public static func append(_ text: String, to path: String) throws {
    guard let file = fopen(path, "ab") else { throw FileError(.open, path, code: errno) }
    fputs(text, file)
    fclose(file)
  }

  /// Reads a file.
  public static func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw FileError(.open, path, code: errno) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&piece, 1, piece.count, file)
      if count == 0 { return bytes }
      bytes += piece[..<count]
    }
  }

  /// Reads a file as text; bytes that are no UTF-8 are replaced.
  public static func text(_ path: String) throws -> String {
    String(decoding: try read(path), as: UTF8.self)
  }

  /// Makes a folder and those above it.
  public static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw FileError(.create, path, code: errno)
    }
    try makeFolder(String(path[..<slash]))
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw FileError(.create, path, code: errno)
    }
  }

  /// The names in a folder, sorted, `.` and `..` left out; none if there is no folder.
  public static func names(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The paths of all files below a folder, relative to it, sorted.
  public static func tree(_ path: String) -> [String] {
    names(path).flatMap { name in
      isFolder(path + "/" + name) ? tree(path + "/" + name).map { name + "/" + $0 } : [name]
    }.sorted()
  }

  /// Whether something is at a path.
  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Sets the permissions of a file or folder.
  public static func setMode(_ path: String, _ mode: UInt32) { chmod(path, mode_t(mode)) }

  /// The permissions of a file or folder.
  public static func mode(_ path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt32(status.st_mode) & 0o7777 : 0
  }

  /// Makes a symbolic link.
  public static func link(_ path: String, to target: String) { symlink(target, path) }

  /// Changes one byte of a file, also of a read-only one.
  public static func flipBit(_ path: String, at offset: Int) throws {
    var bytes = try read(path)
    bytes[offset] ^= 1
    try replace(path, bytes)
  }

  /// Cuts a file short, also a read-only one.
  public static func truncate(_ path: String, to count: Int) throws {
    try replace(path, Array(try read(path).prefix(count)))
  }

  /// Writes over a file, also a read-only one.
  public static func replace(_ path: String, _ bytes: [UInt8]) throws {
    chmod(path, 0o644)
    try write(bytes, to: path)
  }

  /// Removes a file, or a folder with all it holds.
  public static func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      chmod(path, 0o700)
      for name in names(path) { remove(path + "/" + name) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// Whether a path leads to a folder; a link to one does not count.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
