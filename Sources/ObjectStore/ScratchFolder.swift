import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns an empty folder in the store that is nobody else's, removed with all it holds when the last
/// reference goes; what a kill leaves of it goes with the next build.
public final class ScratchFolder: Sendable {
  public let path: String

  init(in folder: String) throws(StoreError) {
    try Disk.makeFolder(folder)
    while true {
      let path = folder + "/" + TemporaryName.next()
      if mkdir(path, 0o700) == 0 {
        self.path = path
        return
      }
      // What a killed process left may be written to by its children still: it is not this one's.
      guard errno == EEXIST else { throw Disk.failure(.create, path) }
    }
  }

  /// Makes a folder in it, and those above that.
  public func makeFolder(_ name: String) throws(StoreError) {
    try Disk.makeFolder(path + "/" + name)
  }

  deinit { try? Disk.remove(path) }
}

extension ObjectStore {
  /// Makes a folder for what one run of a program reads and writes.
  public func makeScratchFolder() throws(StoreError) -> ScratchFolder {
    try ScratchFolder(in: temporaryFolder)
  }
}
