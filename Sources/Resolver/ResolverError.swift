public import Bytes

/// Says why a build could not begin or go on.
public enum ResolverError: Error, Equatable, Sendable {
  case badDescription(stage: String, path: String, why: String)
  case missingSource(name: String, path: String)
  case missingOwnFiles(user: String, path: String, others: Int)
  case missingUsers(path: String)
  case badUsers(path: String, line: Int, why: String)
  case duplicateUser(String, path: String)
  case nameNotUTF8(path: String, shown: String)
  case noUsers(path: String)
  case missingProgram(String, node: String)
  case missingList(path: String, node: String)
  case emptyList(path: String, node: String)
  case listedTwice(String, path: String, node: String)
  case keepsChanging(path: String)
  case damaged(Digest, what: String)
}

extension ResolverError {
  /// The exit code that a program should end with.
  public var exitCode: Int32 {
    switch self {
    case .badDescription, .missingSource, .missingOwnFiles, .missingUsers, .badUsers,
      .duplicateUser, .nameNotUTF8, .noUsers, .missingProgram, .missingList, .emptyList,
      .listedTwice:
      2
    case .keepsChanging: 75
    case .damaged: 3
    }
  }
}

extension ResolverError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .badDescription(let stage, let path, let why):
      "stage '\(stage)' (\(path)) does not say what it is with --describe: \(why)"
    case .missingSource(let name, let path):
      "source '\(name)' of the pipeline is not there: \(path)"
    case .missingOwnFiles(let user, let path, let others):
      "the files of user '\(user)' are not there: \(path)"
        + (others == 0
          ? ""
          : ", and those of \(others) other\(others == 1 ? "" : "s") of the list are not either")
        + "; put them there, or take the user off the list"
    case .missingUsers(let path):
      "there are no users at \(path); --users takes a folder with one entry per user, a LaMP "
        + "questions file, or a CSV or JSONL list with 'user' and 'source'"
    case .badUsers(let path, let line, let why):
      line > 0 ? "\(path):\(line): \(why)" : "\(path): \(why)"
    case .duplicateUser(let user, let path):
      "\(path) lists user '\(user)' twice; every user needs a name of their own"
    case .nameNotUTF8(let path, let shown):
      "\(path)/\(shown): the name of a user's entry is not UTF-8; rename it"
    case .noUsers(let path): "\(path) holds no users; dot-files are passed over"
    case .missingProgram(let program, let node):
      "the command of node '\(node)' was not found: \(program)"
    case .missingList(let path, let node):
      "the list of users that node '\(node)' runs over is not there: \(path)"
    case .emptyList(let path, let node):
      "the list of users that node '\(node)' runs over names nobody: \(path); write one name a line"
    case .listedTwice(let user, let path, let node):
      "the list of users that node '\(node)' runs over names '\(user)' twice: \(path)"
    case .keepsChanging(let path):
      "\(path) keeps changing while it is read; try again when it is at rest"
    case .damaged(let digest, let what):
      "\(what) \(digest) is damaged and could not be rebuilt"
    }
  }
}
