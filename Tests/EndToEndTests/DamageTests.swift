import Bytes
import Foundation
import TestKit
import Testing

/// Objects that rot in the store of the real plm.
@Suite(.enabled(if: Places.executable("plm") != nil, "plm has not been built")) struct DamageTests {
  @Test func `an object that was damaged is made again, with exit 0`() throws {
    let shop = try Workshop()
    _ = try shop.run("build")
    let before = try shop.digests()
    _ = try shop.ran()
    let objects = Files.tree(shop.folder("store/objects"))
    for path in objects { try Files.flipBit(shop.folder("store/objects/" + path), at: 0) }
    let verify = try shop.run("store verify", users: nil)
    #expect(verify.exitCode == 3)
    let result = try shop.run("build")
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(try shop.ran() == ["all", "last", "last", "make", "make", "take", "take"])
    #expect(try shop.digests() == before)
    #expect(try shop.run("store verify", users: nil).exitCode == 0)
  }

  @Test(arguments: [false, true])
  func `a damaged copy of a source is told of, and taken anew`(isTouched: Bool) throws {
    let shop = try Workshop()
    _ = try shop.run("build")
    let before = try shop.digests()
    let copy = Digest(of: "one\n")
    let place = shop.folder("store/objects/\(copy.hex.prefix(2))/\(copy.hex.dropFirst(2))")
    try Files.flipBit(place, at: 1)
    // A touched file is put once more, which heals the copy before anybody looks at it.
    if isTouched { try Files.write("one\n", to: shop.folder("users/ann/text.txt")) }
    let result = try shop.run("build")
    #expect(result.exitCode == 0)
    let warning =
      "warning: object \(copy) (the copy of \(shop.folder("users/ann/text.txt"))) was damaged"
    #expect(result.errors.contains(warning), "\(result.errors)")
    #expect(
      result.output == "2 users: 7 up to date\n1 object was found damaged; plm history says which\n"
    )
    #expect(try Files.text(place) == "one\n")
    #expect(try shop.digests() == before)
    #expect(try shop.run("history", users: nil).output.contains("\(copy) was found damaged"))
    #expect(try shop.run("store verify", users: nil).exitCode == 0)
    // It is told of once.
    #expect(try shop.run("build").output == "2 users: 7 up to date\n")
  }

  @Test func `a damaged part of a LaMP file is told of, and cut anew`() throws {
    let shop = try Workshop(users: [:])
    try Files.write(
      #"[{"id":"1","user_id":"ann","input":"x"},{"id":"2","user_id":"bob","input":"y"}]"#,
      to: shop.folder("dev_questions.json"))
    #expect(try shop.run("build", users: "dev_questions.json").exitCode == 0)
    let part = Digest(of: "[{\"id\":\"1\",\"user_id\":\"ann\",\"input\":\"x\"}]\n")
    try Files.flipBit(
      shop.folder("store/objects/\(part.hex.prefix(2))/\(part.hex.dropFirst(2))"), at: 1)
    let again = try shop.run("build", ["--force", "take", "--json"], users: "dev_questions.json")
    #expect(again.exitCode == 0, "\(again.errors)")
    #expect(try JSON(parsing: again.output)["damaged"] == .array([.string(part.description)]))
    #expect(again.errors.contains("(the part of ann in "), "\(again.errors)")
  }

  @Test func `looking at damage does not say that it was put right`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    _ = try shop.run("build")
    for path in Files.tree(shop.folder("store/objects")) {
      try Files.flipBit(shop.folder("store/objects/" + path), at: 0)
    }
    let look = try shop.run("status").errors
    #expect(
      look.contains("; the next build makes it again") && !look.contains("put away"), "\(look)")
  }

  @Test func `what is damaged is never handed on`() throws {
    let shop = try Workshop(users: ["ann": "one"])
    _ = try shop.run("build")
    for path in Files.tree(shop.folder("store/objects")) {
      try Files.flipBit(shop.folder("store/objects/" + path), at: 0)
    }
    let result = try shop.run("cat", ["ann/make"], users: nil)
    #expect(result.exitCode == 3)
    #expect(result.output.isEmpty)
    #expect(result.errors.contains("damaged"), "\(result.errors)")
  }
}
