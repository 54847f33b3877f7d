import Foundation

/// Chooses what a program that runs as a node may see of the environment.
enum StageEnvironment {
  private static let passed: Set<String> = [
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "PLM_KERNELS", "PLM_THREADS", "PLM_SHARED",
  ]

  /// What every program gets: nothing that could be a secret.
  static var minimal: [String: String] {
    ProcessInfo.processInfo.environment.filter { passed.contains($0.key) }
  }

  /// What a program gets that declares the variables it needs.
  static func with(secrets: [String]) -> [String: String] {
    var environment = minimal
    for name in secrets { environment[name] = ProcessInfo.processInfo.environment[name] }
    return environment
  }

  /// Replaces the values of secrets in what a program that had them printed: libraries tell of
  /// requests that failed with all their headers.
  static func cover(_ secrets: [String], in log: String) {
    let environment = ProcessInfo.processInfo.environment
    // Shorter ones are no secrets, and would take words out of every line.
    let values = secrets.compactMap { environment[$0] }.filter { $0.utf8.count >= 8 }
    guard !values.isEmpty, var content = FileManager.default.contents(atPath: log) else { return }
    var isChanged = false
    for value in values {
      while let range = content.range(of: Data(value.utf8)) {
        content.replaceSubrange(range, with: Data("***".utf8))
        isChanged = true
      }
    }
    if isChanged { try? content.write(to: URL(filePath: log), options: .atomic) }
  }
}
