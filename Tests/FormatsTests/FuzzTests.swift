import Bytes
import Foundation
import TestKit
import Testing

/// Damaged model files of all kinds, opened in a process of their own (Tests/FormatFuzz).
struct FuzzTests {
  @Test(.enabled(if: Places.executable("format-fuzz") != nil, "needs format-fuzz to be built"))
  func `damaged files give an error or a valid load`() throws {
    let path = try #require(Places.executable("format-fuzz"))
    let isStress = ProcessInfo.processInfo.environment["PLM_STRESS"] == "1"
    let count = isStress ? 10_000 : 600
    let result = try Program.run(path, ["--count", "\(count)"])
    #expect(result.exitCode == 0, "\(result.errors.suffix(2000))")
    let all = try JSON(parsing: result.lastLine)["all"]
    func number(_ name: String) -> Int { all?[name]?.intValue ?? 0 }
    let (atOnce, later, loaded) = (
      number("refused_at_once"), number("refused_later"), number("loaded")
    )
    #expect(atOnce + later + loaded == count)
    // Were most refused at the first look, little would have been tried.
    #expect(later + loaded >= count / 2)
    #expect(later >= count / 5 && loaded >= count / 20)
  }
}
