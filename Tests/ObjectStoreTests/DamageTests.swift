import Bytes
import CZlib
import ObjectStore
import TestKit
import Testing

@Suite struct DamageTests {
  let home: TemporaryStore
  var store: ObjectStore { home.store }
  let text = Array(String(repeating: "The same line again.\n", count: 2000).utf8)

  init() throws { home = try TemporaryStore() }

  /// The file of an object.
  func place(_ digest: Digest) throws -> String {
    let stem = "\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
    let found = ["", ".z", ".tree"].map { "\(home.path)/objects/\(stem)\($0)" }.first(
      where: Files.exists)
    return try #require(found)
  }

  /// Damages an object, and expects that every way to read it says so and puts it away, and that
  /// putting it once more heals it.
  func expectDamage(
    _ content: [UInt8], mappable: Bool, _ what: (String) throws -> Void
  ) throws {
    for way in 0..<4 {
      let digest = try store.put(content, mappable: mappable)
      let place = try place(digest)
      try what(place)
      let before = try Files.read(place)
      if way == 3 {
        #expect(try store.put(content, mappable: mappable) == digest)
      } else {
        let error = #expect(throws: StoreError.self) {
          switch way {
          case 0: _ = try store.read(digest)
          case 1: _ = try store.map(digest)
          default: try store.verify(digest)
          }
        }
        guard case .damaged(digest, _) = error else {
          Issue.record("not damaged: \(error.map { "\($0)" } ?? "")")
          return
        }
        #expect(error?.exitCode == 3)
        #expect(error?.objectToRebuild == digest)
        #expect(store.kind(of: digest) == nil)
        #expect(throws: StoreError.missing(digest)) { try store.read(digest) }
        #expect(try store.put(content, mappable: mappable) == digest)
      }
      let kept = Files.names(home.path + "/quarantine")
      #expect(kept.contains { $0.hasPrefix(digest.hex) })
      #expect(try Files.read("\(home.path)/quarantine/\(kept[0])") == before)
      #expect(try store.read(digest) == content)
      try store.remove(digest)
      Files.remove("\(home.path)/quarantine/\(kept[0])")
    }
  }

  @Test(arguments: [false, true], [0, 20, -1])
  func `One flipped bit is noticed anywhere`(mappable: Bool, offset: Int) throws {
    try expectDamage(text, mappable: mappable) { place in
      let count = try Files.read(place).count
      try Files.flipBit(place, at: offset < 0 ? count - 1 : offset)
    }
  }

  @Test(arguments: [false, true], [0, 1, 50])
  func `An object that was cut short is noticed`(mappable: Bool, count: Int) throws {
    try expectDamage(text, mappable: mappable) { try Files.truncate($0, to: count) }
  }

  @Test(arguments: [false, true])
  func `An object with something after its end is noticed`(mappable: Bool) throws {
    try expectDamage(text, mappable: mappable) { place in
      try Files.replace(place, try Files.read(place) + [0])
    }
  }

  @Test(arguments: [false, true])
  func `Pages of zeros, as a power cut leaves them, are noticed`(mappable: Bool) throws {
    try expectDamage(text, mappable: mappable) { place in
      try Files.replace(place, [UInt8](repeating: 0, count: try Files.read(place).count))
    }
  }

  @Test func `Half a megabyte that would inflate to half a gigabyte is refused, not swallowed`()
    throws
  {
    let digest = try store.put(text)
    let place = try place(digest)
    try Files.replace(place, Self.bomb(megabytes: 512))
    let before = Self.peakMemory
    #expect(throws: StoreError.self) { try store.read(digest) }
    #expect(Self.peakMemory - before < 100 << 20)
    #expect(store.kind(of: digest) == nil)
  }

  @Test func `What is packed small and right is read all the same`() throws {
    let content = [UInt8](repeating: 0x61, count: 50 << 20)
    let digest = try store.put(content)
    #expect(try #require(store.storedSize(of: digest)) < 1 << 20)
    #expect(try store.read(digest) == content)
  }

  @Test func `A damaged listing is refused and healed`() throws {
    let entries = [TreeEntry(path: "a", digest: Digest(of: "a"), size: 1)]
    let digest = try store.put(tree: entries)
    try Files.flipBit(place(digest), at: 40)
    let error = #expect(throws: StoreError.self) { try store.tree(digest) }
    #expect(error?.objectToRebuild == digest)
    #expect(store.kind(of: digest) == nil)
    #expect(try store.put(tree: entries) == digest)
    #expect(try store.tree(digest).entries == entries)
  }

  @Test func `A mapped object is hashed again after it was changed on disk`() throws {
    let digest = try store.put(text, mappable: true)
    #expect(try store.map(digest).count == text.count)
    #expect(try store.map(digest).count == text.count)
    try Files.truncate(place(digest), to: 100)
    #expect(throws: StoreError.self) { try store.map(digest) }
  }

  /// A zlib stream of nothing but zeros.
  static func bomb(megabytes: Int) -> [UInt8] {
    let zeros = [UInt8](repeating: 0, count: megabytes << 20)
    var size = compressBound(uLong(zeros.count))
    var out = [UInt8](repeating: 0, count: Int(size))
    compress2(&out, &size, zeros, uLong(zeros.count), 9)
    return Array(out[..<Int(size)])
  }

  /// The most memory that this process had since the count was last set back, in bytes.
  static var peakMemory: Int {
    let status = (try? Files.text("/proc/self/status")) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return (Int(line.filter(\.isNumber)) ?? 0) << 10
  }
}
