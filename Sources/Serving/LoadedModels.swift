import Bytes
public import Models
public import PersonalLM
import Synchronization

/// Keeps models in memory: one base for all whose adapter is over it, loaded when first asked for,
/// and let go of, the longest unused first, when there is no more room.
public final class LoadedModels: Sendable {
  private let source: any BundleSource
  /// Models that are there whatever the source has.
  private let fixed: [String: PersonalModel]
  /// Bytes of bases and adapters at most; what is being used stays until it is not.
  private let limit: Int
  private let limits: ContinuousBatch.Limits
  private let state = Mutex(State())
  /// Held while something is loaded, so that nothing is loaded twice.
  private let loading = Mutex(())

  private struct State {
    var bases: [String: BaseModel] = [:]
    var users: [String: Entry] = [:]
    var clock = 0

    struct Entry {
      let model: PersonalModel
      let version: Digest
      let base: String
      var used: Int
    }

    var bytes: Int {
      bases.values.reduce(0) { $0 + $1.bytes }
        + users.values.reduce(0) { $0 + ($1.model.adapter?.bytes ?? 0) }
    }
  }

  public init(
    _ source: any BundleSource, fixed: [String: PersonalModel] = [:], limit: Int,
    limits: ContinuousBatch.Limits = .init()
  ) {
    self.source = source
    self.fixed = fixed
    self.limit = limit
    self.limits = limits
  }

  /// Every name that `model` knows, sorted.
  public func names() throws -> [String] {
    Set(fixed.keys).union(try source.users()).sorted()
  }

  /// Whether there is a model of a name.
  func knows(_ name: String) throws -> Bool {
    try fixed[name] != nil || source.version(of: name) != nil
  }

  /// What is in memory: bases, users' models, and their bytes.
  public var load: (bases: Int, users: Int, bytes: Int) {
    state.withLock { ($0.bases.count, $0.users.count, $0.bytes) }
  }

  /// A user's model, as their bundle is now; nil for a user there is not.
  public func model(named user: String) throws -> PersonalModel? {
    if let model = fixed[user] { return model }
    guard let version = try source.version(of: user) else { return nil }
    if let model = find(user, version) { return model }
    return try loading.withLock { _ in
      if let model = find(user, version) { return model }
      let bundle = try source.bundle(of: user)
      let key = Self.baseKey(of: bundle)
      var base = state.withLock { $0.bases[key] }
      if base == nil {
        // Room is made before, so that two bases are not in memory where one fits.
        makeRoom(for: Self.baseBytes(of: bundle), sparing: user)
        base = try BaseModel(of: bundle, limits: limits)
      }
      guard let base else { return nil }
      let model = try PersonalModel(bundle, base: base)
      makeRoom(for: model.adapter?.bytes ?? 0, sparing: user, base: key)
      state.withLock { state in
        state.clock += 1
        state.bases[key] = base
        let old = state.users[user]
        state.users[user] = State.Entry(
          model: model, version: version, base: key, used: state.clock)
        if let old { Self.letGo(old, &state) }
      }
      return model
    }
  }

  private func find(_ user: String, _ version: Digest) -> PersonalModel? {
    state.withLock { state in
      guard let entry = state.users[user], entry.version == version else { return nil }
      state.clock += 1
      state.users[user]?.used = state.clock
      return entry.model
    }
  }

  /// Lets go of users, the longest unused first, and of bases that nobody is left over.
  private func makeRoom(for bytes: Int, sparing user: String, base: String? = nil) {
    state.withLock { state in
      while state.bytes + bytes > limit {
        let candidates = state.users.filter { $0.key != user }
        guard let oldest = candidates.min(by: { $0.value.used < $1.value.used }) else { return }
        state.users[oldest.key] = nil
        Self.letGo(oldest.value, &state, sparing: base)
      }
    }
  }

  private static func letGo(_ entry: State.Entry, _ state: inout State, sparing base: String? = nil)
  {
    if let adapter = entry.model.adapter { entry.model.base.engine.forget(adapter) }
    if entry.base != base, !state.users.values.contains(where: { $0.base == entry.base }) {
      state.bases[entry.base] = nil
    }
  }

  private static func baseKey(of bundle: ModelBundle) -> String {
    bundle.manifest.baseFolder
      ?? BundleManifest.baseFolder(of: bundle.manifest.files.filter { !$0.path.contains("/") })
  }

  private static func baseBytes(of bundle: ModelBundle) -> Int {
    let files =
      bundle.manifest.layout == .adapter ? bundle.manifest.baseFiles : bundle.manifest.files
    return files.reduce(0) { $0 + ($1.path.hasSuffix(".gguf") ? $1.bytes : 0) }
  }
}
