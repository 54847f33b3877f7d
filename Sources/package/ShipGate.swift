import Formats
import PersonalLM

/// Decides what a bundle ships: what is best on validation texts. Test texts are never looked at.
struct ShipGate {
  let ships: BundleManifest.Arm
  /// Why, in words.
  let reason: String
  /// The arms as evaluate measured them, and on what; nil where it did not.
  private let arms: JSONNode?
  private let text: JSONNode?

  /// - Parameters:
  ///   - metrics: what evaluate wrote.
  ///   - isPersonal: whether there is a personal model at all.
  ///   - hasBase: whether there is a base to fall back to.
  ///   - hasIndex: whether the bundle can retrieve.
  ///   - isOn: whether to decide at all; else the personal model ships.
  init(metrics: JSONNode?, isOn: Bool, isPersonal: Bool, hasBase: Bool, hasIndex: Bool) {
    let measured = metrics?["validation_arms"]
    arms = measured
    text = metrics?["validation_text"]
    // What was measured and has no loss that is a number is broken, and worse than anything.
    func loss(_ arm: BundleManifest.Arm) -> Double? {
      measured?[arm.rawValue].map { measured in
        measured["loss"]?.number.flatMap { $0.isFinite ? $0 : nil } ?? .infinity
      }
    }
    func best(_ arms: [BundleManifest.Arm]) -> (arm: BundleManifest.Arm, loss: Double)? {
      arms.filter { hasIndex || !$0.retrieves }
        .compactMap { arm in loss(arm).map { (arm, $0) } }
        .min { $0.1 < $1.1 }
    }
    guard isPersonal else {
      ships = .base
      reason = "no adapter was given: this is the base"
      return
    }
    guard isOn else {
      ships = .personal
      reason = "the personal model, whatever was measured (gate=false)"
      return
    }
    guard let personal = best([.personal, .personalRetrieval]),
      let base = best([.base, .baseRetrieval])
    else {
      ships = .personal
      reason = "not measured on validation texts: the personal model, as it was asked for"
      return
    }
    let words =
      "on validation texts \(personal.arm.rawValue) has a loss of \(Self.short(personal.loss)), "
      + "\(base.arm.rawValue) \(Self.short(base.loss))"
    if personal.loss < base.loss {
      ships = personal.arm
      reason = words
    } else if hasBase {
      ships = base.arm
      reason = words + ": the personal model is no better, so the bundle falls back"
    } else {
      ships = personal.arm
      reason = words + ": the personal model is no better, but no base was given to fall back to"
    }
  }

  /// What the manifest says of it.
  var json: JSONNode {
    var members = [
      JSONMember("ships", .string(ships.rawValue)), JSONMember("reason", .string(reason)),
    ]
    if let arms { members.append(JSONMember("validation_arms", arms)) }
    if let text { members.append(JSONMember("validation_text", text)) }
    return .object(members)
  }

  /// Four decimals.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "that is no number" }
    guard value.magnitude < 1e12 else { return "\(value)" }
    let scaled = Int((value.magnitude * 10_000).rounded())
    let rest = String(scaled % 10_000)
    return (value < 0 ? "-" : "") + "\(scaled / 10_000)."
      + String(repeating: "0", count: 4 - rest.count) + rest
  }
}
