import Bytes
import Formats
import ObjectStore
import TestKit
import Testing

/// What the stage package lets a bundle ship.
@Suite(.enabled(if: Places.executable("package") != nil, "needs the stages to be built"))
struct ShipGateTests {
  let runner: StageRunner
  let model: TinyModel

  init() throws {
    runner = try StageRunner()
    model = try TinyModel()
  }

  /// What evaluate would have written of four arms on validation texts; null is a loss that is no
  /// number.
  private func metrics(_ base: Double, _ helped: Double, _ own: Double) throws -> String {
    let (personal, both) = own.isNaN ? ("null", "null") : ("\(own)", "8")
    let path = model.folder("metrics-\(base)-\(helped)-\(own).json")
    try Files.write(
      """
      {"arms":{"base":{"loss":9}},"validation_text":"sha256:x","validation_arms":{\
      "base":{"loss":\(base)},"base+retrieval":{"loss":\(helped)},"personal":{"loss":\(personal)},\
      "personal+retrieval":{"loss":\(both)}}}
      """, to: path)
    return path
  }

  @Test(arguments: [
    (4.0, 3.9, 3.5, "personal"), (4.0, 4.1, 4.2, "base"), (4.0, 3.0, 3.5, "base+retrieval"),
    (4.0, 4.0, 4.0, "base"), (4.0, 4.0, .nan, "base"),
  ])
  func `a bundle ships what is best on validation texts`(
    base: Double, helped: Double, own: Double, ships: String
  ) throws {
    let made = try runner.outputs("quantize", ["base": model.base, "adapter": model.adapter])
    let plain = try runner.outputs("quantize", ["base": model.base])
    let index = model.folder("index.json")
    try Files.write("{}", to: index)
    let bundle = try runner.outputs(
      "package",
      [
        "base": model.base, "model": try #require(made["model"]).description,
        "base_model": try #require(plain["model"]).description, "adapter": model.adapter,
        "index": index, "metrics": try metrics(base, helped, own),
      ])["bundle"]
    let manifest = try JSON(parsing: runner.file(bundle, "manifest.json").copied())
    #expect(manifest["gate"]?["ships"]?.stringValue == ships)
    #expect(manifest["gate"]?["validation_text"] == "sha256:x")
    // What answers is what the gate says.
    let tree = try runner.home.store.tree(try #require(bundle))
    let wanted = ships == "personal" ? made["model"] : plain["model"]
    let model = try runner.home.store.tree(try #require(wanted))["model.gguf"]
    #expect(tree["model.gguf"]?.digest == model?.digest)
    let card = String(decoding: try runner.file(bundle, "README.md").copied(), as: UTF8.self)
    #expect(card.contains("## What it ships"))
    #expect(card.contains("falls back") == (ships != "personal"))
  }
}
