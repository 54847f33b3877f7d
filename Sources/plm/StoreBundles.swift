import ActionCache
import Bytes
import Foundation
import Graph
import Models
import ObjectStore
import PersonalLM
import Serving

/// Finds users' bundles in the store, as the last build left them.
struct StoreBundles: BundleSource {
  let cache: ActionCache

  func users() throws -> [String] {
    try cache.refresh()
    var users: Set<String> = []
    for place in try cache.places(giving: "bundle") {
      guard let user = place.user, !users.contains(user) else { continue }
      if (try? package(of: user, at: place.node)) ?? nil != nil { users.insert(user) }
    }
    return users.sorted()
  }

  func version(of user: String) throws -> Digest? {
    try cache.refresh()
    return try package(of: user)?.outputs["bundle"]
  }

  func bundle(of user: String) throws -> ModelBundle {
    guard let action = try package(of: user), let digest = action.outputs["bundle"] else {
      throw UsageProblem("\(user) has no bundle yet; plm build \(UserName.encoded(user)) makes one")
    }
    let files = try files(digest)
    guard let file = try files.map(BundleManifest.fileName) else {
      throw BundleError.noBundle(path: digest.description)
    }
    let manifest = try BundleManifest(json: file.withBytes { Array($0) }, path: digest.description)
    return ModelBundle(
      manifest: manifest, files: files, base: try action.outputs["base"].map { try self.files($0) })
  }

  /// The action that made the bundle a user has now; names as paths spell them do too.
  func package(of user: String) throws -> ActionRecord? {
    if let action = try package(ofNamed: user) { return action }
    let others = Set(try cache.places().compactMap(\.user))
    for name in others.sorted() where name != user && UserName.encoded(name) == user {
      if let action = try package(ofNamed: name) { return action }
    }
    return nil
  }

  private func package(ofNamed user: String) throws -> ActionRecord? {
    for node in try cache.nodes(of: user) {
      if let action = try package(of: user, at: node) { return action }
    }
    return nil
  }

  private func package(of user: String, at node: String) throws -> ActionRecord? {
    guard let action = try cache.currentBundle(user: user, node: node),
      action.stage == "package", action.outputs["bundle"] != nil
    else { return nil }
    return action
  }

  private func files(_ digest: Digest) throws -> ModelBundle.Files {
    let tree = try cache.store.tree(digest)
    let store = cache.store
    return ModelBundle.Files(place: digest.description) { path in
      try tree[path].map { try store.map($0.digest) }
    }
  }
}

extension PersonalModel {
  /// Opens what a verb was asked to use: a model's path, a bundle's folder, or a user of the store.
  static func open(
    _ model: ModelArguments, user: String?, _ common: CommonOptions
  ) throws -> PersonalModel {
    if let bundle = model.bundle {
      return try PersonalModel(bundle: CommonOptions.absolute(bundle))
    }
    if let path = model.model { return try open(model: path, adapter: model.adapter) }
    let found = try StoreBundles(cache: try common.openCache()).bundle(of: user ?? "")
    return try PersonalModel(found, base: BaseModel(of: found))
  }

  /// Opens a model's folder or file, or a bundle.
  static func open(
    model: String, adapter: String?, limits: ContinuousBatch.Limits = .init()
  ) throws -> PersonalModel {
    let path = CommonOptions.absolute(model)
    guard FileManager.default.fileExists(atPath: path) else {
      throw UsageProblem("there is no model at \(path)")
    }
    if FileManager.default.fileExists(atPath: "\(path)/\(BundleManifest.fileName)") {
      guard adapter == nil else {
        throw UsageProblem(
          "\(path) is a bundle, with its own adapter: --adapter goes with a model's folder or file")
      }
      return try PersonalModel(bundle: path, limits: limits)
    }
    let base = try BaseModel(path: path, limits: limits)
    return PersonalModel(
      base: base, adapter: try adapter.map { try base.adapter(at: CommonOptions.absolute($0)) })
  }
}
