import Bytes

extension Digest {
  /// Hashes a file without storing it.
  init(ofFile path: String) throws(FileError) {
    let file = try MappedFile(path: path)
    var hasher = Hasher256()
    withExtendedLifetime(file) { hasher.update(file.bytes) }
    self = hasher.finish()
  }
}
