public import Bytes

extension ObjectStore {
  /// Returns the stamp of an object's own file, or nil if it is absent.
  ///
  /// An object with the stamp it had when it was last hashed need not be hashed again.
  public func stamp(of digest: Digest) -> FileStamp? {
    form(of: digest).flatMap { FileStamp(path: place(of: digest, as: $0)) }
  }
}
