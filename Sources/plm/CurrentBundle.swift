import ActionCache
import Bytes
import Foundation
import Graph
import ObjectStore
import PersonalLM
import Resolver

/// Decides, after a build, which bundle of each user is in use: a new one that is worse on the same
/// validation texts does not take the old one's place.
struct CurrentBundle {
  let cache: ActionCache
  let acceptsWorse: Bool

  /// How much worse counts: less is no difference that anybody would notice.
  private static let margin = 1.001

  /// Tells that a new bundle was not taken into use.
  struct Decision {
    let user: String
    let new: Double
    let old: Double
    let since: Timestamp

    var words: String {
      "\(user): the new bundle is worse on validation texts (\(Self.short(new)) bits per byte, that in use "
        + "\(Self.short(old))); the one of \(since) stays in use (--accept-worse takes the new one)"
    }

    var json: JSON {
      [
        "user": .string(user), "new_loss": .double(new), "old_loss": .double(old),
        "since": .string(since.description),
      ]
    }

    private static func short(_ value: Double) -> String { String(format: "%.4f", value) }
  }

  /// Takes new bundles into use, and returns those that were not.
  func decide(_ outcomes: [Outcome]) throws -> [Decision] {
    try cache.refresh()
    var decisions: [Decision] = []
    var entries: [JournalEntry] = []
    for outcome in outcomes where [.ran, .adopted, .fresh].contains(outcome.status) {
      guard let user = outcome.user, let key = outcome.key, outcome.outputs["bundle"] != nil,
        let new = try cache.action(key), new.stage == "package"
      else { continue }
      let old = try cache.currentBundle(user: user, node: outcome.node)
      if let old, old.key != key, !acceptsWorse, let decision = try compare(user, new, with: old) {
        decisions.append(decision)
      } else {
        entries.append(.current(user: user, node: outcome.node, key: key))
      }
    }
    let settled = try entries.filter { entry in
      guard case .current(let user, let node, let key) = entry else { return true }
      return try !cache.isCurrent(user: user, node: node, key: key)
    }
    try cache.record(settled)
    return decisions
  }

  /// Says why a new bundle should not take an old one's place; nil if it should.
  private func compare(
    _ user: String, _ new: ActionRecord, with old: ActionRecord
  ) throws -> Decision? {
    // An old bundle that is lost or damaged keeps nobody's place.
    guard let (newText, newLoss) = try loss(of: new),
      let (oldText, oldLoss) = try? loss(of: old), newText == oldText, newLoss.isFinite,
      newLoss > oldLoss * Self.margin
    else { return nil }
    return Decision(user: user, new: newLoss, old: oldLoss, since: old.end)
  }

  /// The loss of what a bundle ships, and the texts it was measured on; nil where it was not.
  private func loss(of action: ActionRecord) throws -> (text: String, loss: Double)? {
    guard let bundle = action.outputs["bundle"],
      let entry = try cache.store.tree(bundle)[BundleManifest.fileName]
    else { return nil }
    let gate = try JSON(parsing: try cache.store.read(entry.digest))["gate"]
    guard let ships = gate?["ships"]?.stringValue,
      let text = gate?["validation_text"]?.stringValue,
      let score = gate?["validation_arms"]?[ships]
    else { return nil }
    // Tokens of two vocabularies are of different lengths; bytes are bytes.
    let bits = score["bits_per_byte"]?.doubleValue ?? 0
    guard let loss = bits > 0 ? bits : score["loss"]?.doubleValue else { return nil }
    return (text, loss)
  }
}
