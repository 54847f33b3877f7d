import Foundation
import TestKit
import Testing

/// How plm starts other programs.
@Suite(.enabled(if: Places.executable("plm") != nil, "plm has not been built"))
struct ProcessTests {
  @Test(arguments: ["30", "200"])
  func `what cannot be started is told, however few files may be open`(limit: String) throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: Workshop.executable(), toPath: folder("plm"))
    try Files.write("#!/nowhere/sh\n", to: folder("ingest"))
    chmod(folder("ingest"), 0o700)
    let result = try Program.run(
      "/bin/sh", ["-c", "ulimit -n \(limit) && exec \"$0\" stages ingest", folder("plm")])
    #expect(result.exitCode == 1)
    #expect(result.errors.contains("No such file or directory"), "\(result.errors)")
  }
}
