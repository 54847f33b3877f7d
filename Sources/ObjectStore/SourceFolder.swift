import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores what a folder outside the store held when it was looked through.
public struct SourceFolder: Sendable {
  /// Says why something in the folder is not taken.
  public enum Omission: String, Sendable {
    case linkToFolder = "a link to a folder"
    case special = "neither a file nor a folder"
    case unreadable = "not to be read, or a link to nothing"
  }

  /// The regular files at any depth, in the order of the bytes of their names; no dot-files.
  public private(set) var files: [SourceFile] = []
  /// What is not taken, by path, apart from dot-files.
  public private(set) var omitted: [(path: String, why: Omission)] = []
  /// The dot-files and dot-folders, which are not taken either.
  public private(set) var hidden: [String] = []
  private let omittingUnreadable: Bool

  /// Looks through a folder without reading its files.
  /// - Parameter omittingUnreadable: whether what cannot be looked at in it is omitted instead.
  /// - Throws: `StoreError.linkLoop`, `.notAFile` if it is no folder, or what the system says of
  ///   a file or folder that cannot be looked at, by name.
  public init(_ path: String, omittingUnreadable: Bool = false) throws(StoreError) {
    self.omittingUnreadable = omittingUnreadable
    guard let stamp = FileStamp(path: path) else { throw Self.failure(Array(path.utf8)) }
    guard stamp.isFolder else { throw .notAFile(path: path) }
    try scan(Array(path.utf8), relative: "")
  }

  private mutating func scan(_ folder: [UInt8], relative: String) throws(StoreError) {
    for name in try Disk.names(in: folder) {
      let path = relative + PercentCoding.text(ofName: name)
      if name.first == UInt8(ascii: ".") {
        hidden.append(path)
        continue
      }
      let location = folder + [UInt8(ascii: "/")] + name
      let terminated = Disk.terminated(location)
      var status = stat()
      var isSeen = lstat(terminated, &status) == 0
      let isLink = isSeen && status.st_mode & S_IFMT == S_IFLNK
      if isLink { isSeen = stat(terminated, &status) == 0 }
      guard isSeen else {
        guard omittingUnreadable else { throw Self.failure(location) }
        omitted.append((path, .unreadable))
        continue
      }
      let stamp = FileStamp(status)
      if stamp.isFile {
        files.append(SourceFile(path: path, stamp: stamp, location: location))
      } else if stamp.isFolder, isLink {
        omitted.append((path, .linkToFolder))
      } else if stamp.isFolder {
        guard omittingUnreadable, access(terminated, R_OK | X_OK) != 0 else {
          try scan(location, relative: path + "/")
          continue
        }
        omitted.append((path, .unreadable))
      } else {
        omitted.append((path, .special))
      }
    }
  }

  private static func failure(_ location: [UInt8]) -> StoreError {
    let shown = PercentCoding.text(ofName: location)
    return errno == ELOOP ? .linkLoop(path: shown) : Disk.failure(.open, shown)
  }
}

extension SourceFolder {
  /// Whether a path leads to a folder; nil if it leads nowhere.
  public static func isFolder(_ path: String) -> Bool? { FileStamp(path: path)?.isFolder }
}
