public import Bytes

extension MappedFile {
  /// The content in memory of its own, for files that need not outlive the mapping.
  public func copied() -> [UInt8] { Array(bytes) }
}
