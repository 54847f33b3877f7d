/// Owns a small file system of its own, unmounted when the last reference goes.
public final class TinyDisk: Sendable {
  private let folder: TemporaryFolder

  /// The folder where it is mounted.
  public var path: String { folder.path }

  /// Mounts it; nil where that is not allowed (it takes a Linux superuser).
  public init?(bytes: Int) {
    guard let folder = try? TemporaryFolder(),
      Self.mount(["-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", folder.path])
    else { return nil }
    self.folder = folder
  }

  deinit { _ = Self.umount(["-l", path]) }

  /// Lets nobody write to it any more.
  public func makeReadOnly() { _ = Self.mount(["-o", "remount,ro", path]) }

  /// Whether such disks can be had here: for `@Test(.enabled(if: TinyDisk.isPossible, …))`.
  public static let isPossible = TinyDisk(bytes: 1 << 16) != nil
  public static let reason = "needs the right to mount a small file system"

  private static func mount(_ arguments: [String]) -> Bool { run("mount", arguments) }
  private static func umount(_ arguments: [String]) -> Bool { run("umount", arguments) }

  private static func run(_ name: String, _ arguments: [String]) -> Bool {
    guard
      let path = ["/bin/", "/usr/bin/", "/sbin/"].map({ $0 + name }).first(where: Files.exists),
      let result = try? Program.run(path, arguments)
    else { return false }
    return result.exitCode == 0
  }
}
