import ActionCache
import Bytes
import ObjectStore
import TestKit
import Testing

@testable import plm

@Suite struct ResultsTests {
  @Test func `a result is what the bundle says of itself`() throws {
    let made = try Personalised()
    let result = try UserResult("an/na", nodes: ["evaluate", "package"], in: made.cache)
    #expect(result.bundle == made.bundle)
    #expect(result.realSamples == 45)
    #expect(result.syntheticSamples == 40)
    #expect(result.acceptedSamples == 31)
    #expect(result.losses["personal"] == 3.5)
    #expect(result.failure == nil)
    #expect(result.json["test_loss"]?["base"] == 4.25)
    #expect(result.json["bundle"]?["digest"]?.stringValue == made.bundle.description)
    #expect(result.json["continuation"]?["arms"]?["personal"] == "and the hens were wet")
  }

  @Test func `a user without a bundle is an empty row`() throws {
    let made = try Personalised()
    let result = try UserResult("bo", nodes: [], in: made.cache)
    #expect(result.bundle == nil)
    #expect(ResultTable([result]).text.contains("none"))
  }

  @Test func `a damaged bundle is one user's matter`() throws {
    let made = try Personalised()
    let hex = made.bundle.hex
    let place = "\(made.cache.store.path)/objects/\(hex.prefix(2))/\(hex.dropFirst(2)).tree"
    try Files.flipBit(place, at: 0)
    let result = try UserResult("an/na", nodes: ["evaluate", "package"], in: made.cache)
    #expect(result.isDamaged && result.bundle == nil)
    #expect(result.json["damaged"] == true)
    let text = ResultTable([result]).text
    #expect(text.contains("damaged\n") && text.contains("plm build an%2Fna makes it again"))
  }

  @Test func `the table has a row a user and one continuation each`() throws {
    let made = try Personalised()
    var result = try UserResult("an/na", nodes: ["evaluate", "package"], in: made.cache)
    result.path = "bundles/an%2Fna"
    let lines = ResultTable([result]).text.split(separator: "\n").map(String.init)
    let words = lines[1].split(separator: " ").map(String.init)
    #expect(words.prefix(7) == ["an/na", "45", "31", "4.250", "4.000", "3.500", "3.501"])
    #expect(words.last == "bundles/an%2Fna")
    #expect(lines.contains("an/na, a held-out text continued (notes/2.md):"))
    #expect(lines.contains("              It rained on Monday …"))
    #expect(lines.contains("  as written  and on Tuesday. ## Then it stopped."))
    #expect(lines.contains("  real only   and the hens"))
    #expect(!lines.contains { $0.contains("Another") })
  }

  @Test(arguments: ["", "no heading", "## a\n", "## a\n\n> opening only …\n"])
  func `what is no continuation is none`(text: String) {
    #expect(Continuation(firstOf: text) == nil)
  }
}

@Suite struct BundleFolderTests {
  private let made: Personalised
  private let tree: Tree

  init() throws {
    made = try Personalised()
    tree = try made.cache.store.tree(made.bundle)
  }

  private func write(to path: String) throws {
    try BundleFolder(path: path).write(tree, from: made.cache.store)
  }

  @Test func `a bundle is copied out whole, and once`() throws {
    let folder = try TemporaryFolder()
    try write(to: folder("out/anna"))
    #expect(try Files.text(folder("out/anna/adapter/a.txt")) == "weights")
    #expect(Files.names(folder("out")) == ["anna"])
    #expect(Files.names(folder("out/anna")) == ["adapter", "manifest.json"])
    // What is there already stays as it is.
    let before = FileStamp(path: folder("out/anna/adapter/a.txt"))
    try write(to: folder("out/anna"))
    #expect(FileStamp(path: folder("out/anna/adapter/a.txt")) == before)
  }

  @Test func `an older or changed bundle gives way`() throws {
    let folder = try TemporaryFolder()
    try write(to: folder("anna"))
    try Files.write("other", to: folder("anna/adapter/a.txt"))
    try Files.write("old", to: folder("anna/model.gguf"))
    try write(to: folder("anna"))
    #expect(try Files.text(folder("anna/adapter/a.txt")) == "weights")
    #expect(Files.names(folder("anna")) == ["adapter", "manifest.json"])
  }

  @Test func `a folder that is no bundle is left alone`() throws {
    let folder = try TemporaryFolder()
    try Files.write("{\"format\":\"other\"}", to: folder("anna/manifest.json"))
    try Files.write("mine", to: folder("anna/letter.txt"))
    #expect(throws: UsageProblem.self) { try write(to: folder("anna")) }
    #expect(try Files.text(folder("anna/letter.txt")) == "mine")
    try Files.makeFolder(folder("empty"))
    try write(to: folder("empty"))
    #expect(Files.names(folder("empty")) == ["adapter", "manifest.json"])
  }
}
