/// Says why what was learned of a user could not be read or written.
public enum PersonaError: Error, Equatable, Sendable {
  /// A file is not what its format demands.
  case format(file: String, reason: String)
  /// A value cannot be written.
  case unwritable(file: String, reason: String)
}

extension PersonaError: CustomStringConvertible {
  /// What happened, where, and what to do next.
  public var description: String {
    switch self {
    case .format(let file, let reason):
      "\(file) cannot be read: \(reason) · build the stage profile again"
    case .unwritable(let file, let reason):
      "\(file) cannot be written: \(reason)"
    }
  }
}
