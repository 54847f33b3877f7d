import Bytes
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Names what a process makes in a folder for temporary things, so that others know when it is stale.
enum TemporaryName {
  private static let counter = Atomic<Int>(0)

  /// Returns a name that this process has not used yet: `<pid>.<machine>.<number>`.
  ///
  /// Something of that name may be there: a process that was killed may have had this one's number.
  static func next() -> String {
    prefix + String(counter.add(1, ordering: .relaxed).newValue)
  }

  /// Names this process on this machine; process ids of another machine mean nothing here.
  private static let prefix = "\(getpid()).\(machine)."

  private static let machine: String = {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    var space = [CChar](repeating: 0, count: 256)
    _ = readlink("/proc/self/ns/pid", &space, space.count - 1)
    let bytes = (name + space).map { UInt8(bitPattern: $0) }
    return String(Digest(of: bytes).hex.prefix(8))
  }()

  /// Removes what processes that are no more left in a folder. Returns how much that was.
  static func removeStale(in folder: String) throws(StoreError) -> Int {
    var count = 0
    for name in try Disk.names(in: folder) where isStale(name) {
      // What still grows under the hands of a dead process's children goes the next time.
      do throws(StoreError) { try Disk.remove(folder + "/" + name) } catch { continue }
      count += 1
    }
    return count
  }

  private static func isStale(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    guard parts.count == 3, let process = pid_t(String(parts[0])), process > 0 else { return false }
    return parts[1] == machine && kill(process, 0) != 0 && errno == ESRCH
  }
}
