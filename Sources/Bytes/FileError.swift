/// Stores what the system said when a file could not be used.
public struct FileError: Error, Equatable, Sendable {
  /// What was being done.
  public enum Operation: String, Sendable {
    case open, read, write, map, stat, list, rename, remove, create, sync, lock
  }

  public let operation: Operation
  public let path: String
  /// The system's error number.
  public let code: Int32

  public init(_ operation: Operation, _ path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }
}
