import Bytes
import Foundation
import TestKit
import Testing

@Suite struct ReadingTests {
  @Test func `a reader reads what a writer wrote, little-endian`() throws {
    var writer = ByteWriter()
    writer.write(UInt16(0x1234))
    writer.write(Float(1.5))
    writer.align(to: 8)
    writer.write(bytes: "né".utf8)
    #expect(writer.bytes.prefix(2) == [0x34, 0x12])
    try writer.bytes.withUnsafeBytes { bytes in
      var reader = ByteReader(bytes)
      #expect(try reader.read(UInt16.self) == 0x1234)
      #expect(try reader.readFloat() == 1.5)
      try reader.align(to: 8)
      #expect(try reader.readText(3) == "né")
      #expect(reader.remaining == 0)
    }
  }

  @Test func `a reader never passes the end, whatever length it is told`() {
    [UInt8](repeating: 0xff, count: 4).withUnsafeBytes { bytes in
      for count in [5, Int.max, -1] {
        var reader = ByteReader(bytes)
        #expect(throws: ByteReadError.truncated(offset: 0, needed: count, available: 4)) {
          try reader.readBytes(count)
        }
      }
      var reader = ByteReader(bytes)
      #expect(throws: ByteReadError.notUTF8(offset: 0)) { try reader.readText(2) }
      #expect(throws: ByteReadError.self) { try reader.read(UInt64.self) }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `what is no plain file is refused at once, with words`() throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder("pipe"), 0o600) == 0)
    for (path, words) in [
      (folder("pipe"), "give a plain file"), ("/dev/null", "give a plain file"),
      (folder.path, "Is a directory"),
    ] {
      let error = try #require(throws: FileError.self) { try MappedFile(path: path) }
      #expect("\(error)".contains(words) && "\(error)".contains(path), "\(error)")
    }
  }

  @Test func `a digest reads what it writes, and nothing else`() {
    let digest = Digest(of: "abc")
    #expect(digest.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest(digest.description) == digest)
    #expect(Digest(digest.hex) == digest)
    #expect(Digest(digest.hex.uppercased()) == nil)
    #expect(Digest(digest.hex.dropLast()) == nil)
    #expect(Digest("sha256:" + String(repeating: "g", count: 64)) == nil)
    var pieces = Hasher256()
    pieces.update([97])
    pieces.update([98, 99])
    #expect(pieces.finish() == digest)
  }
}

@Suite struct SeededRandomTests {
  @Test func `the numbers of a seed are these for ever`() {
    var random = SeededRandom(seed: 0)
    #expect(
      (0..<3).map { _ in random.next() } == [
        0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f,
      ])
  }

  @Test func `purposes have numbers of their own`() {
    var a = SeededRandom(seed: 1, purpose: "a")
    var b = SeededRandom(seed: 1, purpose: "b")
    #expect(a.next() != b.next())
  }

  @Test func `uniform, below and normal have the range and spread they should`() {
    var random = SeededRandom(seed: 5)
    let uniform = (0..<10_000).map { _ in random.uniform() }
    #expect(uniform.allSatisfy { (0..<1).contains($0) })
    #expect(abs(uniform.reduce(0, +) / 10_000 - 0.5) < 0.02)
    let counts = (0..<9_000).reduce(into: [0, 0, 0]) { counts, _ in counts[random.below(3)] += 1 }
    #expect(counts.allSatisfy { abs($0 - 3_000) < 300 })
    let normal = (0..<10_000).map { _ in random.normal() }
    #expect(abs(normal.reduce(0, +) / 10_000) < 0.05)
    #expect(abs(normal.reduce(0) { $0 + $1 * $1 } / 10_000 - 1) < 0.05)
    var items = Array(0..<100)
    random.shuffle(&items)
    #expect(items != Array(0..<100) && items.sorted() == Array(0..<100))
  }
}
