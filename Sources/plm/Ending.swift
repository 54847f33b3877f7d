import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import HTTPServer
import ObjectStore
import PersonalLM
import Resolver

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
    if let own = code(of: error) {
      Terminal.complain("plm: \(error)")
      exit(own)
    }
    let text = Plm.fullMessage(for: error)
    if Plm.exitCode(for: error).isSuccess {
      print(text)
      exit(done)
    }
    Terminal.complain(text)
    exit(Plm.exitCode(for: error) == .validationFailure ? usage : failed)
  }

  /// The exit code of an error of ours; nil of one that belongs to the argument parser.
  static func code(of error: any Error) -> Int32? {
    switch error {
    case is InvalidPipeline, is TargetError, is UsageProblem: usage
    case let error as ResolverError: error.exitCode
    case let error as StoreError: error.exitCode
    case let error as FileError: error.exitCode
    case is CancellationError: interrupted
    case let error as BundleError: if case .noBundle = error { usage } else { damaged }
    case is ListenError: later
    case is StoreBusy, is StoreInUse: later
    default: "\(type(of: error))".contains("DatabaseError") ? later : nil
    }
  }
}

/// Says what is wrong with how plm was called, where the argument parser cannot know.
struct UsageProblem: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
