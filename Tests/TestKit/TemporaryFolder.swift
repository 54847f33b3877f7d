import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owns an empty folder, removed with all it holds when the last reference goes.
public final class TemporaryFolder: Sendable {
  public let path: String

  /// Makes the folder.
  /// - Parameter place: the folder it is made in.
  public init(in place: String? = nil) throws {
    let place = place ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(place)/plm-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw FileError(.create, place, code: errno) }
    path = String(cString: made)
  }

  deinit { Files.remove(path) }

  /// The path of something in the folder.
  public func callAsFunction(_ name: String) -> String { path + "/" + name }
}
