#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads the environment of the process.
enum Environment {
  /// The value of a variable; nil if it is not set.
  static subscript(name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
