import Bytes
import Foundation
import ObjectStore
import TestKit
import Testing

/// What plm says of artifacts, asked by name.
@Suite(.enabled(if: Places.executable("plm") != nil, "plm has not been built"))
struct InspectionTests {
  /// Two users whose texts differ and have one word each.
  private func shop() throws -> Workshop {
    let shop = try Workshop(users: ["ann": "one", "bob": "two"])
    for user in ["ann", "bob"] {
      try Files.write(user + "\n", to: shop.folder("users/\(user)/\(user).txt"))
      Files.remove(shop.folder("users/\(user)/text.txt"))
    }
    try Files.write(
      """
      version: 1
      sources: { history: "{user.source}" }
      nodes:
        size: { command: [sh, -c, "cat {in.text}/* | wc -w > {out.n}"], in: { text: history }, out: [n] }
        twice: { command: [sh, -c, "cat {in.n} {in.n} > {out.m}"], in: { n: size.n }, out: [m] }
        tree: { command: [sh, -c, "mkdir {out.words}; cat {in.text}/* > {out.words}/LICENSE"], in: { text: history }, out: [words] }
        all: { command: [sh, -c, "ls {in.parts} > {out.s}"], scope: gather, in: { parts: "*.twice.m" }, out: [s] }
        trees: { command: [sh, -c, "ls {in.parts} > {out.s}"], scope: gather, in: { parts: "*.tree.words" }, out: [s] }
      """, to: shop.folder("p.yaml"))
    #expect(try shop.run("build").exitCode == 0)
    return shop
  }

  @Test func `lineage names the sources of who is asked about, whoever's action it was`() throws {
    let shop = try shop()
    for (user, other) in [("ann", "bob"), ("bob", "ann")] {
      let own = try shop.run("lineage", ["\(user)/twice"], users: nil).output
      #expect(own.contains("by \(user)/twice (") && own.contains("by \(user)/size ("), "\(own)")
      #expect(own.contains("\(user).txt") && !own.contains(other), "\(own)")
    }
    for (gather, nodes) in [("all", ["twice", "size"]), ("trees", ["tree"])] {
      let text = try shop.run("lineage", [gather], users: nil).output
      for user in ["ann", "bob"] {
        for node in nodes { #expect(text.contains("by \(user)/\(node) ("), "\(text)") }
        #expect(text.contains("\(user).txt"), "\(text)")
      }
      #expect(!text.contains("as above"), "\(text)")
    }
  }

  @Test func `files of trees are found by name and by digest, with or without a dot`() throws {
    let shop = try shop()
    #expect(try shop.run("cat", ["ann/tree.words/LICENSE"], users: nil).output == "ann\n")
    #expect(try shop.run("show", ["ann/tree/LICENSE"], users: nil).exitCode == 0)
    let names = ["ann/tree.words/LICENSE", "bob/tree.words/LICENSE"]
    #expect(try shop.run("diff", names, users: nil).output.contains("- ann"))
    for word in [names[0], Digest(of: "ann\n").hex] {
      let lineage = try shop.run("lineage", [word], users: nil)
      #expect(lineage.output.contains("by ann/tree ("), "\(lineage.output) \(lineage.errors)")
      #expect(!lineage.output.contains("LICENSE (from outside)"), "\(lineage.output)")
    }
    for (word, complaint) in [
      ("ann/tree.words/LICENCE", "no file 'LICENCE' in ann/tree.words; did you mean 'LICENSE'?"),
      ("ann/tree.wrods/LICENSE", "ann/tree has no output 'wrods'; it has words"),
      ("\(Digest(of: "ann\n").hex.prefix(8))/../x", "is a single file and has no '../x' in it"),
    ] {
      let result = try shop.run("cat", [word], users: nil)
      #expect(result.exitCode == 2 && result.errors.contains(complaint), "\(result.errors)")
    }
  }

  @Test func `digests of artifacts and keys of actions stand for what gave them`() throws {
    let shop = try shop()
    let shown = try shop.run("show", ["ann/size", "--json"], users: nil)
    let record = try JSON(parsing: shown.output)
    let key = try #require(record["key"]?.stringValue)
    let digest = try #require(record["outputs"]?["n"]?.stringValue)
    for word in [key, String(key.prefix(19)), digest] {
      #expect(try shop.run("log", [word], users: nil).exitCode == 0)
      let history = try shop.run("history", [word], users: nil)
      #expect(history.output.contains(digest), "\(history.output) \(history.errors)")
    }
    #expect(try shop.run("show", [key, "--json"], users: nil).output == shown.output)
    #expect(try shop.run("cat", [key], users: nil).output == "1\n")
    // What the store never had is no damage.
    let unknown = "sha256:" + String(repeating: "7", count: 64)
    for verb in ["show", "cat", "log", "history", "lineage"] {
      let result = try shop.run(verb, [unknown], users: nil)
      #expect(result.exitCode == 2, "\(verb): \(result.errors)")
    }
    // What came of no action was put there by hand.
    let store = try ObjectStore(opening: shop.folder("store"))
    let own = try store.put(Array("mine".utf8)).description
    #expect(try shop.run("log", [own], users: nil).errors.contains("put into it by hand"))
  }

  @Test func `a tree of one file shows what is in the file`() throws {
    let shop = try shop()
    let text = try shop.run("show", ["ann/tree"], users: nil)
    #expect(text.exitCode == 0)
    let tree = try shop.run("show", ["ann/tree.words"], users: nil).output
    #expect(tree.contains("tree of 1 file,") && tree.contains("text of 1 lines\nann\n"), "\(tree)")
    let json = try JSON(
      parsing: try shop.run("show", ["ann/tree.words", "--json"], users: nil).output)
    #expect(json["content"]?["text"]?.stringValue == "ann\n")
  }

  @Test func `a hostile GGUF file is shown as broken`() throws {
    let shop = try shop()
    // Metadata of one field: lists in lists, 200,000 deep.
    var file = ByteWriter()
    file.write(UInt32(0x4655_4747))
    file.write(UInt32(3))
    file.write(UInt64(0))
    file.write(UInt64(1))
    file.write(UInt64(1))
    file.write(bytes: [0x61])
    file.write(UInt32(9))
    for _ in 0..<200_000 {
      file.write(UInt32(9))
      file.write(UInt64(1))
    }
    let store = try ObjectStore(opening: shop.folder("store"))
    let digest = try store.put(file.bytes, mappable: true).description
    let shown = try shop.run("show", [digest], users: nil)
    #expect(shown.exitCode == 0 && shown.output.contains("broken header"), "\(shown.errors)")
  }

  @Test func `history and log are those of who is asked about`() throws {
    let shop = try shop()
    let histories = try ["ann", "bob"].map {
      try shop.run("history", ["\($0)/twice"], users: nil).output
    }
    #expect(histories.filter { $0.contains("/twice never ran: the result of ") }.count == 1)
    #expect(histories.filter { $0.contains("ran, ") }.count == 1)
  }
}
