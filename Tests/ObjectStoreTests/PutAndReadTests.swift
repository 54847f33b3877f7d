import Bytes
import ObjectStore
import TestKit
import Testing

@Suite struct PutAndReadTests {
  let home: TemporaryStore
  var store: ObjectStore { home.store }

  init() throws { home = try TemporaryStore() }

  static let contents: [[UInt8]] = [
    [], [0], Array("short".utf8), Array(String(repeating: "A line of prose. ", count: 5000).utf8),
    (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) },
    [UInt8](repeating: 0x20, count: 3_000_000),
  ]

  @Test(arguments: contents.indices, [false, true])
  func `What is put is read back, mapped or not`(index: Int, mappable: Bool) throws {
    let content = Self.contents[index]
    let digest = try store.put(content, mappable: mappable)
    #expect(digest == Digest(of: content))
    #expect(store.kind(of: digest) == .file)
    #expect(try store.read(digest) == content)
    #expect(try store.map(digest).withBytes { Array($0) } == content)
    #expect(try store.size(of: digest) == content.count)
    let writer = try store.writer(mappable: !mappable)
    for start in stride(from: 0, to: content.count, by: 70_001) {
      try writer.write(Array(content[start..<min(start + 70_001, content.count)]))
    }
    #expect(try writer.finish() == digest)
    #expect(Files.names(home.path + "/tmp") == [])
  }

  @Test func `Text is deflated where that pays, weights stay raw, and sha256sum audits them`()
    throws
  {
    let text = Self.contents[3]
    let small = try store.put(text)
    #expect(try #require(store.storedSize(of: small)) < text.count / 10)
    let writer = try store.writer(mappable: false)
    try writer.write(text + [0x21])
    #expect(try #require(store.storedSize(of: writer.finish())) < text.count / 10)
    for (content, mappable) in [
      (text + [0x0a], true), (Self.contents[4], false), (Self.contents[2], false),
    ] {
      let digest = try store.put(content, mappable: mappable)
      let place = "\(home.path)/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
      #expect(try Files.read(place) == content)
      #expect(Files.mode(place) & 0o222 == 0)
    }
  }

  @Test func `A writer that is not finished leaves nothing`() throws {
    do {
      let writer = try store.writer(mappable: false)
      try writer.write(Self.contents[3])
    }
    #expect(Files.names(home.path + "/tmp") == [])
    #expect(try store.digests(matching: "") == [])
  }

  @Test func `A file that a killed process of the same number left is in nobody's way`() throws {
    let first = try store.writer(mappable: false)
    let name = try #require(Files.names(home.path + "/tmp").first)
    let parts = name.split(separator: ".")
    let number = try #require(Int(parts[2]))
    for next in number + 1..<number + 200 {
      try? Files.write("left", to: "\(home.path)/tmp/\(parts[0]).\(parts[1]).\(next)")
    }
    let second = try store.writer(mappable: false)
    try second.write([1, 2, 3])
    #expect(try store.read(second.finish()) == [1, 2, 3])
    _ = first
  }

  @Test func `Digests are found by their beginning`() throws {
    var all = try (0..<600).map { try store.put(Array("object \($0)".utf8)) }
    all.append(try store.put(tree: [TreeEntry(path: "a", digest: all[0], size: 8)]))
    all.sort()
    #expect(try store.digests(matching: "") == all)
    #expect(try store.digests(matching: "sha256:") == all)
    for digits in 1...5 {
      let prefix = String(all[7].hex.prefix(digits))
      #expect(try store.digests(matching: prefix) == all.filter { $0.hex.hasPrefix(prefix) })
      #expect(
        try store.digests(matching: "sha256:" + prefix) == all.filter { $0.hex.hasPrefix(prefix) })
    }
    #expect(try store.digests(matching: all[0].description) == [all[0]])
    #expect(throws: StoreError.badPrefix("../x")) { try store.digests(matching: "../x") }
  }

  @Test func `A tree says which of its files are not here`() throws {
    let here = try store.put([1])
    let gone = Digest(of: [2])
    let tree = try store.put(tree: [
      TreeEntry(path: "here", digest: here, size: 1),
      TreeEntry(path: "gone", digest: gone, size: 1),
    ])
    #expect(store.kind(of: tree) == .tree)
    #expect(try store.absent(from: tree) == [gone])
    #expect(try store.absent(from: gone) == [gone])
    #expect(try store.absent(from: here) == [])
    #expect(throws: StoreError.missing(gone)) { try store.read(gone) }
    #expect(throws: StoreError.isTree(tree)) { try store.read(tree) }
    #expect(throws: StoreError.isFile(here)) { try store.tree(here) }
    #expect(try store.size(of: tree) == 2)
    try store.remove(here)
    #expect(store.kind(of: here) == nil)
  }

  @Test func `Many writers of the same objects do not get in each other's way`() async throws {
    let store = store
    try await withThrowingTaskGroup(of: [Digest].self) { group in
      for _ in 0..<8 {
        group.addTask {
          try (0..<200).map { try store.put(Array("content \($0) \($0 * $0)".utf8)) }
        }
      }
      let first = try await group.next()
      for try await other in group { #expect(other == first) }
    }
    #expect(try store.digests(matching: "").count == 200)
    #expect(Files.names(home.path + "/tmp") == [])
  }
}
