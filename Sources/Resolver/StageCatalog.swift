import Bytes
import Foundation
import ObjectStore
public import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Finds stage executables and asks them what they are.
public struct StageCatalog: Sendable {
  /// One stage: where it lies and what it says of itself.
  public struct Stage: Sendable {
    public let path: String
    public let description: StageDescription
  }

  /// The names every installation has; more are found in folders that hold stages alone.
  public static let standard = [
    "ingest", "profile", "synthesize", "filter", "tokenize", "train", "quantize", "package",
    "evaluate", "clean", "vocabulary", "initialize", "pose",
  ]

  private let folders: [String]

  /// - Parameter folders: searched in this order.
  public init(folders: [String]) { self.folders = folders }

  /// Looks beside the running executable, then in `../libexec/plm`.
  public static func beside(executable: String) -> StageCatalog {
    let folder = executable.lastIndex(of: "/").map { String(executable[..<$0]) } ?? "."
    return StageCatalog(folders: [folder, folder + "/../libexec/plm"])
  }

  /// Returns the path of a stage's executable, or nil if there is none.
  public func path(of name: String) -> String? {
    guard !name.isEmpty, !name.contains("/"), name != "plm" else { return nil }
    return folders.map { "\($0)/\(name)" }.first { path in
      var status = stat()
      return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        && access(path, X_OK) == 0
    }
  }

  /// The names of all stages found.
  public var names: [String] {
    let own = folders.filter { $0.hasSuffix("libexec/plm") }.flatMap { folder in
      (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }
    return Set(Self.standard + own).filter { path(of: $0) != nil }.sorted()
  }

  /// Asks stages what they are; those that are not there are left out.
  /// - Throws: `ResolverError.badDescription` if one gives no proper answer.
  public func describe(_ names: [String]) async throws -> [String: Stage] {
    try await withThrowingTaskGroup(of: (String, Stage?).self) { group in
      for name in Set(names) { group.addTask { (name, try await describe(name)) } }
      var stages: [String: Stage] = [:]
      for try await (name, stage) in group { stages[name] = stage }
      return stages
    }
  }

  private func describe(_ name: String) async throws -> Stage? {
    guard let path = path(of: name) else { return nil }
    let end: Launch.End
    do {
      end = try await Launch(
        path: path, arguments: ["--describe"], environment: StageEnvironment.minimal, folder: nil,
        log: nil
      ).run()
    } catch {
      guard !error.isTemporary else { throw error }
      throw ResolverError.badDescription(stage: name, path: path, why: "\(error)")
    }
    guard end.exit == 0 else {
      throw ResolverError.badDescription(stage: name, path: path, why: "exit code \(end.exit)")
    }
    let json: JSON
    do {
      json = try JSON(parsing: end.output)
    } catch {
      throw ResolverError.badDescription(
        stage: name, path: path, why: "its answer is not JSON: \(error)")
    }
    do {
      return Stage(path: path, description: try StageDescription(json))
    } catch {
      throw ResolverError.badDescription(
        stage: name, path: path, why: "its answer has no proper '\(error.member)'")
    }
  }
}
