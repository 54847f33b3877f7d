import Bytes
import ObjectStore
import Synchronization
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite struct SourceTests {
  let home: TemporaryStore
  let folder: TemporaryFolder
  var store: ObjectStore { home.store }

  init() throws {
    home = try TemporaryStore()
    folder = try TemporaryFolder()
  }

  func paths(_ digest: Digest) throws -> [String] { try store.tree(digest).entries.map(\.path) }

  @Test func `A folder is taken at any depth, dot-files left out`() throws {
    for path in [
      "b.txt", "a/z.md", "a/b/c/d.txt", ".hidden", ".git/config", "a/.DS_Store", "a b/ü.txt",
    ] {
      try Files.write(path, to: folder(path))
    }
    try Files.makeFolder(folder("empty"))
    let digest = try store.put(folder: folder.path)
    #expect(try paths(digest) == ["a b/ü.txt", "a/b/c/d.txt", "a/z.md", "b.txt"])
    let tree = try store.tree(digest)
    #expect(try store.read(#require(tree["a/z.md"]).digest) == Array("a/z.md".utf8))
    #expect(try store.put(folder: folder.path + "/") == digest)
    try Files.append("x", to: folder("b.txt"))
    #expect(try store.put(folder: folder.path) != digest)
    try Files.write("b.txt", to: folder("b.txt"))
    #expect(try store.put(folder: folder.path) == digest)
  }

  @Test func `An empty folder is an empty tree`() throws {
    #expect(
      try store.put(folder: folder.path).hex
        == "fb82a696d87c5b9a99138126df2e2b8832ec1eb9e724ec719402f328f495e85c")
  }

  @Test func `Links to files count as files; other things are reported as left out`() throws {
    try Files.write("text", to: folder("kept/a.txt"))
    try Files.write("else", to: folder("else/b.txt"))
    Files.link(folder("kept/link.txt"), to: "../else/b.txt")
    Files.link(folder("kept/around"), to: "..")
    mkfifo(folder("kept/pipe"), 0o600)
    let found = try SourceFolder(folder("kept"))
    #expect(found.files.map(\.path) == ["a.txt", "link.txt"])
    #expect(found.omitted.map(\.path) == ["around", "pipe"])
    #expect(found.omitted.map(\.why) == [.linkToFolder, .special])
    let tree = try store.tree(store.put(folder: folder("kept")))
    #expect(tree["link.txt"]?.digest == Digest(of: "else"))
    #expect(throws: StoreError.notAFile(path: folder("kept/pipe"))) {
      try store.put(file: folder("kept/pipe"))
    }
  }

  @Test func `Links that lead to each other, or nowhere, are named`() throws {
    Files.link(folder("a"), to: "b")
    Files.link(folder("b"), to: "a")
    #expect(throws: StoreError.linkLoop(path: folder("a"))) { try store.put(folder: folder.path) }
    #expect(throws: StoreError.linkLoop(path: folder("a"))) { try store.put(file: folder("a")) }
    Files.remove(folder("a"))
    let error = #expect(throws: StoreError.self) { try store.put(folder: folder.path) }
    #expect("\(try #require(error))".contains(folder("b")))
    #expect(error?.exitCode == 2)
  }

  @Test func `A missing source is wrong usage and is named`() throws {
    for put in [store.put(folder:), store.put(file:)] {
      let error = #expect(throws: StoreError.self) { _ = try put(folder("none")) }
      #expect(error == .file(FileError(.open, folder("none"), code: ENOENT)))
      #expect(error?.exitCode == 2)
    }
    try Files.write("x", to: folder("file"))
    #expect(throws: StoreError.notAFile(path: folder("file"))) {
      try store.put(folder: folder("file"))
    }
    #expect(throws: StoreError.notAFile(path: folder.path)) { try store.put(file: folder.path) }
  }

  @Test(.enabled(if: getuid() != 0, "the superuser may read everything"))
  func `A file that may not be read is named`() throws {
    try Files.write("x", to: folder("closed.txt"))
    Files.setMode(folder("closed.txt"), 0)
    let error = #expect(throws: StoreError.self) { try store.put(folder: folder.path) }
    #expect("\(try #require(error))".contains(folder("closed.txt")))
    #expect(error?.exitCode == 1)
  }

  @Test func `Names that are no UTF-8 are percent-encoded, and their files read`() throws {
    let name = Array((folder.path + "/caf").utf8) + [0xe9] + Array(".txt".utf8) + [0]
    let file = try #require(fopen(name.map { CChar(bitPattern: $0) }, "w"))
    fputs("latin", file)
    fclose(file)
    try Files.write("utf-8", to: folder("café.txt"))
    let tree = try store.tree(store.put(folder: folder.path))
    #expect(tree.entries.map(\.path) == ["caf%E9.txt", "café.txt"])
    #expect(tree["caf%E9.txt"]?.digest == Digest(of: "latin"))
  }

  @Test func `Thousands of small files are taken, and once more without writing`() throws {
    for number in 0..<5000 {
      try Files.write("note \(number)\n", to: folder("\(number % 50)/\(number).txt"))
    }
    let digest = try store.put(folder: folder.path)
    #expect(try store.tree(digest).entries.count == 5000)
    #expect(try store.digests(matching: "").count == 5001)
    #expect(try store.absent(from: digest) == [])
    #expect(try store.put(folder: folder.path) == digest)
    #expect(Files.names(home.path + "/tmp") == [])
  }

  @Test func `A file that something keeps writing to is refused`() async throws {
    let path = folder("log.txt")
    try Files.write([UInt8](repeating: 0x61, count: 8 << 20), to: path)
    let stop = Flag()
    let store = store
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        while !stop.isSet {
          try Files.append("one more line\n", to: path)
          usleep(1000)
        }
      }
      group.addTask {
        defer { stop.set() }
        #expect(throws: StoreError.changedWhileRead(path: path)) { try store.put(file: path) }
      }
      try await group.waitForAll()
    }
    let digest = try store.put(file: path)
    #expect(try store.read(digest) == Files.read(path))
  }

  @Test func `An edit of equal size right after reading shows in the stamp`() throws {
    let path = folder("a.txt")
    for round in 0..<50 {
      try Files.write("old \(round % 10)", to: path)
      let file = try #require(try SourceFolder(folder.path).files.first)
      let (entry, stamp) = try store.put(source: file)
      try Files.write("new \(round % 10)", to: path)
      #expect(FileStamp(path: path) != stamp)
      #expect(entry.digest == Digest(of: "old \(round % 10)"))
    }
  }
}

/// Tells one task that another is done.
final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
