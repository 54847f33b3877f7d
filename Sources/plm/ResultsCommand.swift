import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import ObjectStore
import PersonalLM
import Resolver

struct ResultsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "results",
    abstract: "Says what every user's personal model is worth, and copies the bundles out.",
    discussion: """
      Reads what the last build left in the store and runs nothing; plm status says whether that \
      is up to date. Exits with 3 if a bundle is damaged.
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: "Copies every user's bundle to a folder of theirs below this one.")
  var export: String?

  mutating func run() throws {
    let cache = try common.openCache()
    let places = Dictionary(grouping: try cache.places()) { $0.user }
    var results = try Self.users(common, cache).map { user in
      try UserResult(user, nodes: places[user, default: []].map(\.node), in: cache)
    }
    guard results.contains(where: { $0.bundle != nil || $0.isDamaged }) else {
      for result in results { if let why = result.failure { Terminal.complain("plm: \(why)") } }
      throw UsageProblem("none of these users has a bundle; plm build makes them")
    }
    if let export {
      for index in results.indices {
        do {
          try Self.export(&results[index], to: export, cache.store)
        } catch {
          try results[index].markDamaged(by: error)
        }
      }
    }
    if common.json {
      Terminal.write(["users": .array(results.map(\.json))] as JSON)
    } else {
      Terminal.write(ResultTable(results).text)
    }
    if results.contains(where: \.isDamaged) { throw ExitCode(Ending.damaged) }
  }

  /// Copies a user's bundle, if there is one.
  private static func export(
    _ result: inout UserResult, to folder: String, _ store: ObjectStore
  ) throws {
    guard let bundle = result.bundle else { return }
    let path = "\(folder)/\(UserName.encoded(result.user))"
    try BundleFolder(path: path).write(try store.tree(bundle), from: store)
    if let base = result.base { try export(base: base, to: folder, store) }
    result.path = path
  }

  /// Copies a base that bundles share, once, beside them.
  private static func export(base: Digest, to folder: String, _ store: ObjectStore) throws {
    let tree = try store.tree(base)
    let name = BundleManifest.baseFolder(
      of: tree.entries.map {
        BundleManifest.File(path: $0.path, digest: $0.digest, bytes: $0.size)
      })
    try BundleFolder(path: "\(folder)/\(name)", isBase: true).write(tree, from: store)
  }

  /// The users asked for, else those of the last build, else all that the store knows.
  private static func users(_ common: CommonOptions, _ cache: ActionCache) throws -> [String] {
    var names: [String]?
    if let path = common.users {
      names = try UserList(reading: CommonOptions.absolute(path), cache: cache).users.map(\.name)
    } else if let path = try cache.lastBuild(where: { $0.users != nil })?.users {
      names = try? UserList(reading: path, cache: cache).users.map(\.name)
    }
    let known = try names ?? Set(cache.places().compactMap(\.user)).sorted()
    guard let user = common.user else { return known }
    guard let found = known.first(where: { $0 == user || UserName.encoded($0) == user }) else {
      throw UsageProblem("there is no user '\(user)' among the \(known.count) of the last build")
    }
    return [found]
  }
}
