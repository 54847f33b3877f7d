import Bytes
import ObjectStore

/// Stores how one action ended.
enum Outcome {
  case done([String: Digest])
  case failed(words: String, exitCode: Int32, damaged: [Digest])

  /// Turns any error into words, an exit code and the objects to make again.
  init(_ error: any Error) {
    let words: String
    if error is any CustomStringConvertible {
      words = "\(error)"
    } else {
      // The bare name of a case says little, but more than nothing.
      words = "failed · \(type(of: error)).\(error)"
    }
    let code: Int32 =
      switch error {
      case let error as any StageFailure: error.exitCode
      case let error as StoreError: error.exitCode
      case let error as FileError: error.exitCode
      case is CancellationError: 130
      default: 1
      }
    let damaged = (error as? StoreError)?.objectToRebuild.map { [$0] } ?? []
    self = .failed(words: words, exitCode: code, damaged: damaged)
  }

  var exitCode: Int32 {
    switch self {
    case .done: 0
    case .failed(_, let exitCode, _): exitCode
    }
  }

  /// The members of the answer's line.
  var facts: [String: JSON] {
    switch self {
    case .done(let outputs):
      return ["outputs": .object(outputs.mapValues { .string($0.description) })]
    case .failed(_, _, let damaged):
      guard !damaged.isEmpty else { return [:] }
      return ["damaged": .array(damaged.map { .string($0.description) })]
    }
  }
}
