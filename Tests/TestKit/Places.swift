#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Finds what tests use outside their own folders.
public enum Places {
  /// The folder of Package.swift.
  public static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  /// The folder with data that is not part of the package: `PLM_SHARED`, or `../shared`.
  ///
  /// Nil without it; tests that need it are then skipped, with `noShared` as the reason.
  public static let shared: String? = {
    let path = getenv("PLM_SHARED").map { String(cString: $0) } ?? root + "/../shared"
    return access(path, F_OK) == 0 ? path : nil
  }()

  /// Whether the shared data is there: for `@Test(.enabled(if: Places.hasShared, …))`.
  public static var hasShared: Bool { shared != nil }
  public static let noShared = "needs the shared data: set PLM_SHARED"

  /// The path of something in the shared data; nil unless it is there.
  public static func shared(_ path: String) -> String? {
    guard let shared, access(shared + "/" + path, F_OK) == 0 else { return nil }
    return shared + "/" + path
  }

  /// The folder of the executables that were built with these tests.
  public static let products: String = {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = readlink("/proc/self/exe", &buffer, 4096)
    guard count > 0 else { return root + "/.build/debug" }
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = String(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])
    return access(folder + "/plm", X_OK) == 0 ? folder : root + "/.build/debug"
  }()

  /// The path of an executable of this package; nil if it has not been built.
  public static func executable(_ name: String) -> String? {
    let path = products + "/" + name
    return access(path, X_OK) == 0 ? path : nil
  }
}
