#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Stores where a file outside the store lies, and under which path it is stored.
public struct SourceFile: Sendable, Hashable {
  /// The path within the source folder; bytes that are no UTF-8 are percent-encoded.
  public let path: String
  /// What the system tells of the file.
  public let stamp: FileStamp
  /// The bytes of the path that the system knows it by.
  let location: [UInt8]

  /// The location in words, for messages.
  public var shown: String { PercentCoding.text(ofName: location) }
}
