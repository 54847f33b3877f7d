import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import ObjectStore
import Resolver

/// What every verb takes.
struct CommonOptions: ParsableArguments {
  @Option(help: "The store (else PLM_STORE, else Artifacts/ found upwards from here).")
  var store: String?

  @Option(help: "The pipeline (else Pipelines/personal.yaml).")
  var pipeline: String?

  @Option(
    help: "The users: a folder with one entry each, a LaMP questions file, or a CSV or JSONL list.")
  var users: String?

  @Option(help: "The user meant, where a name is ambiguous.")
  var user: String?

  @Option(name: .customLong("set"), help: "Sets a parameter: NODE.parameter=value.")
  var settings: [String] = []

  @Flag(help: "Prints JSON.")
  var json = false

  @Option(help: "How progress is shown: auto, plain, json or none.")
  var progress: ProgressStyle = .auto
}

/// How progress is shown.
enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
  case auto, plain, json, none
}

extension CommonOptions {
  // MARK: Store

  /// Opens the store.
  /// - Parameter making: whether to make it where it is not yet one.
  func openStore(making: Bool = false) throws -> ObjectStore {
    let path = try storePath()
    if making { return try ObjectStore.create(at: path) }
    do throws(StoreError) {
      return try ObjectStore(opening: path)
    } catch {
      if case .notAStore = error, Self.isEmpty(path) {
        throw UsageProblem("\(path) holds no store yet; plm build makes one")
      }
      throw error
    }
  }

  func openCache(making: Bool = false) throws -> ActionCache {
    try ActionCache(try openStore(making: making))
  }

  /// Opens the store for what only looks: where there is none yet, an empty one that goes with the
  /// last reference to what is returned beside it.
  func openLook() throws -> (cache: ActionCache, keeping: PassingStore?) {
    let path = try storePath()
    guard Self.isFolder(path), Self.isEmpty(path) else { return (try openCache(), nil) }
    let store = try PassingStore()
    return (try ActionCache(store.store), store)
  }

  private func storePath() throws -> String {
    if let store { return Self.absolute(store) }
    if let named = ProcessInfo.processInfo.environment["PLM_STORE"], !named.isEmpty {
      return Self.absolute(named)
    }
    var folder = FileManager.default.currentDirectoryPath
    while true {
      let candidate = folder == "/" ? "/Artifacts" : folder + "/Artifacts"
      if Self.isFolder(candidate) { return candidate }
      guard folder != "/", let slash = folder.lastIndex(of: "/") else { break }
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
    throw UsageProblem(
      "there is no store: give --store DIR, set PLM_STORE, or work below a folder with Artifacts/")
  }

  private static func isEmpty(_ path: String) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.allSatisfy { $0.hasPrefix(".") || $0.hasPrefix("README") }
  }

  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  static func absolute(_ path: String) -> String {
    let whole =
      path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    return URL(fileURLWithPath: whole).standardizedFileURL.path
  }

  // MARK: Pipeline

  /// Where the running executable lies.
  static let executable: String =
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    ?? Bundle.main.executablePath ?? CommandLine.arguments[0]

  static var catalog: StageCatalog { .beside(executable: executable) }

  /// The folders that may hold `Pipelines/`: the working directory, those above the executable (a
  /// build folder of the package), the installation's.
  private static var pipelineRoots: [String] {
    var roots = [FileManager.default.currentDirectoryPath]
    var folder = executable
    while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
      folder = String(folder[..<slash])
      roots.append(folder)
      roots.append(folder + "/share/plm")
    }
    return roots
  }

  func pipelinePath() throws -> String {
    guard let pipeline else { return try Self.find("personal.yaml") }
    if Self.isFile(pipeline) { return Self.absolute(pipeline) }
    if !pipeline.contains("/"), let found = try? Self.find(pipeline) { return found }
    if !pipeline.contains("/"), let found = try? Self.find(pipeline + ".yaml") { return found }
    throw UsageProblem("there is no pipeline \(pipeline)")
  }

  /// Not a folder: `Pipelines/base` is a model, `Pipelines/base.yaml` a pipeline.
  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }

  private static func find(_ name: String) throws -> String {
    for root in pipelineRoots {
      let path = "\(root)/Pipelines/\(name)"
      if isFile(path) { return path }
    }
    throw UsageProblem(
      "there is no Pipelines/\(name) here, nor beside plm; give --pipeline FILE")
  }

  /// The folder that paths in a pipeline are meant from: the one that holds `Pipelines/`, or else
  /// the file's own.
  static func root(ofPipeline path: String) -> String {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    guard folder.hasSuffix("/Pipelines"), let slash = folder.lastIndex(of: "/") else {
      return folder
    }
    return String(folder[..<slash])
  }

  /// Reads the pipeline, with the settings of the command line laid over it.
  func readPipeline() throws -> Pipeline {
    let path = try pipelinePath()
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw UsageProblem("\(path) could not be read: \(error.localizedDescription)")
    }
    return try Pipeline(parsing: text, file: path).setting(settings)
  }

  // MARK: Build

  /// Gathers pipeline, stages and users, all checked.
  func setUp(_ cache: ActionCache) async throws -> BuildSetup {
    let pipeline = try readPipeline()
    let root = Self.root(ofPipeline: pipeline.file)
    let users = try users(of: pipeline, root: root, cache)
    return try await BuildSetup(
      cache: cache, pipeline: pipeline, catalog: Self.catalog, users: users, root: root)
  }

  private func users(
    of pipeline: Pipeline, root: String, _ cache: ActionCache
  ) throws -> UserList {
    guard pipeline.nodes.contains(where: { $0.scope == .user }) else { return .none }
    if let users { return try UserList(reading: Self.absolute(users), cache: cache) }
    let last = try cache.lastBuild { $0.pipeline == pipeline.file && $0.users != nil }
    if let path = last?.users {
      // Other people must not be built in their place, nor these be forgotten.
      guard FileManager.default.fileExists(atPath: path) else {
        throw UsageProblem(
          "the users of the last build are not there any more: \(path) · bring them back, or name "
            + "others with --users PATH")
      }
      if progress != .none, progress != .json {
        Terminal.complain("plm: users are those of the last build, \(path)")
      }
      return try UserList(reading: path, cache: cache)
    }
    if let users = pipeline.users {
      return try UserList(reading: users.hasPrefix("/") ? users : "\(root)/\(users)", cache: cache)
    }
    throw UsageProblem("there are no users: give --users PATH")
  }
}
