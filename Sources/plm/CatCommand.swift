import ActionCache
import ArgumentParser
import Bytes
import Foundation
import ObjectStore

struct CatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat", abstract: "Writes the bytes of an artifact, or of a file in it.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "A digest or a prefix of one, or USER/NODE.OUTPUT; with /FILE for one of a tree.")
  var artifact: String

  mutating func run() throws {
    let cache = try common.openCache()
    let reference = try Reference(artifact, in: cache, user: common.user)
    let digest = try reference.digest(of: artifact, in: cache.store)
    guard cache.store.kind(of: digest) == .tree else {
      let content = try cache.store.map(digest)
      defer { withExtendedLifetime(content) {} }
      // Large models go out piece by piece.
      var offset = 0
      while offset < content.count {
        let end = min(content.count, offset + 1 << 20)
        Terminal.write(UnsafeRawBufferPointer(rebasing: content.bytes[offset..<end]))
        offset = end
      }
      return
    }
    let tree = try cache.store.tree(digest)
    throw UsageProblem(
      "\(artifact) is a tree; name a file of it as \(artifact)/FILE: "
        + tree.entries.prefix(20).map(\.path).joined(separator: ", "))
  }
}
