import Bytes

/// Says what went wrong between a stage and its inputs and outputs.
public enum StageError: Error, Equatable, Sendable {
  /// A text was expected and the file is not UTF-8.
  case notUTF8(input: String, path: String)
  /// An output's file was written twice, or it was written both as a file and as a tree.
  case writtenTwice(output: String, path: String)
  /// The stage ended without writing an output.
  case notWritten(output: String)
  /// The stage asked for an input that it does not declare or that was not given.
  case noInput(String)
}

extension StageError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notUTF8(let input, let path):
      "not UTF-8 text · input \(path.isEmpty ? input : "\(input)/\(path)")"
        + " · convert the file, or leave it out"
    case .writtenTwice(let output, let path):
      "a file written twice, or beside a file that is the whole output"
        + " · output \(path.isEmpty ? output : "\(output)/\(path)") · this is a mistake of the stage"
    case .notWritten(let output):
      "an output was not written · \(output) · this is a mistake of the stage"
    case .noInput(let name):
      "no such input was given · \(name) · add --in \(name)=DIGEST-OR-PATH"
    }
  }
}
