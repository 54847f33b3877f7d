import Bytes
import Foundation
import ObjectStore
import Testing

@testable import plm

@Suite struct EndingTests {
  @Test func `what Foundation says of files has a place and an exit code`() throws {
    let missing = #expect(throws: (any Error).self) {
      try FileManager.default.contentsOfDirectory(atPath: "/nowhere/at-all")
    }
    let error = try #require(missing)
    #expect(Ending.code(of: error) == 2)
    #expect(Ending.words(for: error).hasSuffix(" · /nowhere/at-all"), "\(Ending.words(for: error))")
    #expect(Ending.code(of: CocoaError(.fileWriteOutOfSpace)) == 75)
    #expect(Ending.code(of: CocoaError(.fileReadCorruptFile)) == 1)
  }

  private struct Other: Error {}

  @Test func `every error has a code`() {
    #expect(Ending.code(of: UsageProblem("")) == 2)
    #expect(Ending.code(of: StoreError.missing(Digest(of: ""))) == 3)
    #expect(Ending.code(of: FileError(.write, "x", code: ENOSPC)) == 75)
    #expect(Ending.code(of: Other()) == 1)
  }
}
