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
}
