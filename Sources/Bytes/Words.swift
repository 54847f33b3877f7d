#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// What this module's errors say to a person: what happened · where · what to do next.

extension FileError: CustomStringConvertible {
  public var description: String {
    let what = "cannot \(operation.rawValue) (\(Self.words(code)))"
    let facts = "\(what) · \(path)"
    return hint.map { "\(facts) · \($0)" } ?? facts
  }

  private var hint: String? {
    switch code {
    case ENOSPC, EDQUOT: "free some space, then run again: finished work is kept"
    case EROFS: "choose a place that can be written to"
    case EACCES, EPERM: "check the permissions of the file and of its folders"
    case ENOENT, ENOTDIR: "check the path"
    case EMFILE, ENFILE: "raise the limit of open files (ulimit -n) or use fewer jobs"
    case EIO: "the disk reports an error: check it"
    case ENOTSUP where operation == .map: "give a plain file, no pipe or device"
    default: nil
    }
  }

  private static func words(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}

extension ByteReadError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated(let offset, let needed, let available):
      "the content ends early · \(needed) bytes needed at byte \(offset), \(available) left"
        + " · is the file complete?"
    case .notUTF8(let offset):
      "a text that is not UTF-8 · at byte \(offset) · is the file damaged?"
    }
  }
}

extension JSONError: CustomStringConvertible {
  public var description: String { "not JSON: \(reason.rawValue) · at byte \(offset)" }
}
