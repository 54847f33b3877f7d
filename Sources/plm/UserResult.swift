import ActionCache
import Bytes
import Graph
import ObjectStore

/// Stores what the last build made for one user, as their bundle says it.
struct UserResult {
  let user: String
  /// The bundle; nil if there is none.
  private(set) var bundle: Digest?
  private(set) var bundleSize = 0
  /// How many of the user's own records are learned from.
  private(set) var realSamples: Int?
  private(set) var syntheticSamples: Int?
  private(set) var acceptedSamples: Int?
  /// The test loss of every arm, in nats per token.
  private(set) var losses: [String: Double] = [:]
  private(set) var continuation: Continuation?
  /// Whether there is a bundle that cannot be read whole.
  private(set) var isDamaged = false
  /// Why there is no bundle, or only an older one.
  private(set) var failure: String?
  /// What it ships, and why.
  private(set) var ships: String?
  /// Why the bundle in use is not the newest.
  private(set) var note: String?
  /// The shared base of the bundle's layout.
  private(set) var base: Digest?
  /// Where the bundle was copied to.
  var path: String?

  /// Reads what the store holds of a user.
  /// - Parameter nodes: those that were ever tried for the user.
  init(_ user: String, nodes: [String], in cache: ActionCache) throws {
    self.user = user
    for node in nodes {
      let state = try cache.state(user: user, node: node)
      if let failed = state.failure {
        failure =
          failure ?? "\(UserName.encoded(user))/\(node) failed: \(failed.message ?? "")"
      }
      guard let newest = state.action, newest.stage == "package" else { continue }
      let action = try cache.currentBundle(user: user, node: node) ?? newest
      if action.key != newest.key {
        note = "\(user): a newer bundle is worse on validation texts; this one stays in use"
      }
      do {
        try read(action, cache)
      } catch {
        try markDamaged(by: error)
      }
    }
  }

  /// Takes note that the bundle is damaged: what is wrong with one user's is no other's matter.
  /// - Throws: the error if it is of another kind.
  mutating func markDamaged(by error: any Error) throws {
    guard Ending.code(of: error) == Ending.damaged else { throw error }
    isDamaged = true
    (bundle, base) = (nil, nil)
    failure =
      "the bundle of \(user) is damaged: \(error); plm build \(UserName.encoded(user)) makes it again"
  }

  private mutating func read(_ action: ActionRecord, _ cache: ActionCache) throws {
    guard let bundle = action.outputs["bundle"] else { return }
    let tree = try cache.store.tree(bundle)
    self.bundle = bundle
    base = action.outputs["base"]
    bundleSize = tree.size
    guard let entry = tree["manifest.json"] else { return }
    let manifest = try JSON(parsing: try cache.store.read(entry.digest))
    ships = manifest["gate"]?["ships"]?.stringValue
    realSamples = manifest["records"]?["split"]?["history"]?.intValue
    syntheticSamples = manifest["samples"]?["samples"]?.intValue
    acceptedSamples = manifest["samples"]?["accepted"]?.intValue
    losses = (manifest["metrics"]?["arms"]?.objectValue ?? [:]).compactMapValues {
      $0["loss"]?.doubleValue
    }
    guard let metrics = action.inputs["metrics"],
      let continuations = try cache.producers(of: metrics).first?.outputs["continuations"]
    else { return }
    // They are shown where they are still there; nothing is made of them.
    guard let bytes = try? cache.store.read(continuations) else { return }
    let text = String(decoding: bytes, as: UTF8.self)
    continuation = Continuation(firstOf: text)
  }

  var json: JSON {
    var members: [String: JSON] = [
      "user": .string(user), "test_loss": .object(losses.mapValues { .double($0) }),
    ]
    members["real_samples"] = realSamples.map { .int($0) }
    members["synthetic_samples"] = syntheticSamples.map { .int($0) }
    members["accepted_samples"] = acceptedSamples.map { .int($0) }
    members["bundle"] = bundle.map { digest in
      var bundle: [String: JSON] = [
        "digest": .string(digest.description), "bytes": .int(bundleSize),
      ]
      bundle["path"] = path.map { .string($0) }
      return .object(bundle)
    }
    members["ships"] = ships.map { .string($0) }
    members["note"] = note.map { .string($0) }
    members["continuation"] = continuation?.json
    if isDamaged { members["damaged"] = true }
    members["failure"] = failure.map { .string($0) }
    return .object(members)
  }
}

/// Stores one opening and how it went on: by the person, and by each model.
struct Continuation {
  let record: String
  let opening: String
  let written: String
  let arms: [(name: String, text: String)]

  /// Reads the first example of what evaluate wrote: a heading, the opening, then per arm its name
  /// in bold; texts are quoted, so that nothing in them looks like either.
  init?(firstOf markdown: String) {
    var record: String?
    var blocks: [(name: String, lines: [Substring])] = []
    for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") {
        if record != nil { break }
        record = String(line.dropFirst(3))
        blocks.append(("opening", []))
      } else if line.hasPrefix("**"), line.hasSuffix("**"), record != nil {
        blocks.append((String(line.dropFirst(2).dropLast(2)), []))
      } else if line.hasPrefix(">"), !blocks.isEmpty {
        blocks[blocks.count - 1].lines.append(line.dropFirst(line.hasPrefix("> ") ? 2 : 1))
      }
    }
    guard let record, blocks.count >= 2 else { return nil }
    let texts = blocks.map { $0.lines.joined(separator: "\n") }
    self.record = record
    opening = texts[0].hasSuffix(" …") ? String(texts[0].dropLast(2)) : texts[0]
    written = texts[1]
    arms = zip(blocks, texts).dropFirst(2).map { ($0.name, $1) }
  }

  var json: JSON {
    [
      "record": .string(record), "opening": .string(opening), "written": .string(written),
      "arms": .object(Dictionary(arms.map { ($0.name, .string($0.text)) }) { first, _ in first }),
    ]
  }
}
