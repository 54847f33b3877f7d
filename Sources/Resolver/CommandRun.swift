import Bytes
import Foundation
import Graph
import ObjectStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Runs a program that knows nothing of the store: inputs are laid out for it as plain files, and
/// what it leaves at the places of its outputs is taken in.
struct CommandRun {
  let store: ObjectStore
  let program: CommandProgram
  let action: Action

  func run(_ progress: @escaping @Sendable (JSON) -> Void) async -> ActionResult {
    do {
      // Each run has a folder of its own: what a killed run started may live on, and write.
      let scratch = try store.makeScratchFolder()
      defer { withExtendedLifetime(scratch) {} }
      let folder = scratch.path
      try layOut(in: scratch)
      let end = try await launch(in: folder).run { line in
        if let json = try? JSON(parsing: line) { progress(json) }
      }
      StageEnvironment.cover(action.step.node.secrets, in: action.log)
      if Task.isCancelled { return .interrupted }
      if case .failed(let exit, let message)? = ProcessRunner.failure(end, log: action.log) {
        // A program that knows nothing of exit codes says 1 where it found no room.
        return isDiskFull
          ? .failed(exit: 75, message: "\(message); the disk is full")
          : .failed(exit: exit, message: message)
      }
      return try takeIn(from: folder)
    } catch {
      return .failed(exit: Failure.exitCode(of: error), message: "\(error)")
    }
  }

  private var isDiskFull: Bool {
    var status = statvfs()
    guard statvfs(store.path, &status) == 0 else { return false }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize) < 64 << 10
  }

  private func launch(in folder: String) -> Launch {
    let settings = action.step.node.settings
    let words = program.words.map { word in
      CommandTemplate.fill(word) { place in
        let name = String(place.drop { $0 != "." }.dropFirst())
        return place.hasPrefix("set.")
          ? settings[name]?.plain : "\(folder)/\(place.prefix { $0 != "." })/\(name)"
      }
    }
    var environment = StageEnvironment.with(secrets: action.step.node.secrets)
    environment["PLM_CORES"] = String(action.cores)
    return Launch(
      path: program.path, arguments: words, environment: environment, folder: folder,
      log: action.log, isGuarded: true, answers: false)
  }

  private func layOut(in scratch: ScratchFolder) throws {
    for part in ["in", "out"] { try scratch.makeFolder(part) }
    for (name, digest) in action.inputs.sorted(by: { $0.key < $1.key }) {
      let place = "in/\(name)"
      if store.kind(of: digest) == .tree {
        try scratch.makeFolder(place)
        for entry in try store.tree(digest).entries {
          let path = "\(place)/\(entry.path)"
          if let slash = path.lastIndex(of: "/") { try scratch.makeFolder(String(path[..<slash])) }
          try write(entry.digest, to: "\(scratch.path)/\(path)")
        }
      } else {
        try write(digest, to: "\(scratch.path)/\(place)")
      }
    }
  }

  /// Writes a copy: a link to the object itself could be written through.
  private func write(_ digest: Digest, to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw FileError(.create, path, code: errno) }
    defer { close(file) }
    let content = try store.map(digest)
    defer { withExtendedLifetime(content) {} }
    var offset = 0
    while offset < content.count {
      let count = Foundation.write(
        file, content.bytes.baseAddress.map { $0 + offset }, content.count - offset)
      guard count > 0 else {
        if errno == EINTR { continue }
        throw FileError(.write, path, code: errno)
      }
      offset += count
    }
  }

  private func takeIn(from folder: String) throws -> ActionResult {
    var outputs: [String: Digest] = [:]
    for name in action.step.node.outputs {
      let place = "\(folder)/out/\(name)"
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) else {
        return .failed(exit: 1, message: "it did not write its output '\(name)'")
      }
      if isFolder.boolValue { try tellOfOmissions(in: place, of: name) }
      outputs[name] = try isFolder.boolValue ? store.put(folder: place) : store.put(file: place)
    }
    return .finished(outputs: outputs, kernels: nil)
  }

  /// Says in the log what of a folder is not taken in: the program knows nothing of the store's
  /// rules.
  private func tellOfOmissions(in place: String, of name: String) throws {
    let found = try SourceFolder(place)
    let lines =
      found.hidden.map { "\($0) is a dot-file" }
      + found.omitted.map { "\($0.path) is \($0.why.rawValue)" }
    guard !lines.isEmpty else { return }
    let log = try LogWriter(action.log, appending: true)
    for line in lines { log.write(line: "plm: output '\(name)': \(line), and is left out") }
  }
}
