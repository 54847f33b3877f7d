import ActionCache
import ArgumentParser
import Bytes
import Formats
import Foundation
import Graph
import HTTPServer
import Models
import ObjectStore
import PersonalLM
import Resolver
import Tokenizers

/// Ends the program with the words and the exit code that an error calls for.
enum Ending {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let usage: Int32 = 2
  static let damaged: Int32 = 3
  static let later: Int32 = 75
  static let interrupted: Int32 = 130
  /// As a shell counts a program that SIGPIPE ended.
  static let readerGone: Int32 = 141

  static func leave(because error: any Error) -> Never {
    if let code = error as? ExitCode { exit(code.rawValue) }
    guard isParsers(error) else {
      Terminal.complain("plm: \(words(for: error))")
      exit(code(of: error))
    }
    let text = Plm.fullMessage(for: error)
    if Plm.exitCode(for: error).isSuccess {
      print(text)
      exit(done)
    }
    Terminal.complain(text)
    exit(Plm.exitCode(for: error) == .validationFailure ? usage : failed)
  }

  /// Whether an error belongs to the argument parser, which has words of its own for it.
  private static func isParsers(_ error: any Error) -> Bool {
    String(reflecting: type(of: error)).hasPrefix("ArgumentParser.")
  }

  /// The exit code of an error that is not the argument parser's.
  static func code(of error: any Error) -> Int32 {
    switch error {
    case is InvalidPipeline, is TargetError, is UsageProblem: usage
    case let error as ResolverError: error.exitCode
    case let error as StoreError: error.exitCode
    case let error as FileError: error.exitCode
    case is CancellationError: interrupted
    case let error as BundleError: if case .noBundle = error { usage } else { damaged }
    // What was named is no model, no tokenizer, or does not go with the rest.
    case is FormatError, is ModelError, is VocabularyError: usage
    case is ListenError: later
    case is StoreBusy, is StoreInUse: later
    case let error as CocoaError: code(of: error)
    default: "\(type(of: error))".contains("DatabaseError") ? later : failed
    }
  }

  private static func code(of error: CocoaError) -> Int32 {
    switch error.code {
    case .fileNoSuchFile, .fileReadNoSuchFile, .fileReadInvalidFileName: usage
    case .fileWriteOutOfSpace, .fileWriteVolumeReadOnly, .fileWriteNoPermission: later
    default: failed
    }
  }

  /// What is said of an error that is not the argument parser's.
  static func words(for error: any Error) -> String {
    guard let error = error as? CocoaError else { return "\(error)" }
    let place = error.userInfo[NSFilePathErrorKey] as? String ?? error.url?.path
    return error.localizedDescription + (place.map { " · \($0)" } ?? "")
  }
}

/// Says what is wrong with how plm was called, where the argument parser cannot know.
struct UsageProblem: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
