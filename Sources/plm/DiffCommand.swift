import ActionCache
import ArgumentParser
import Bytes
import Graph
import ObjectStore

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compares two artifacts, or what two nodes were made of.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "A digest or a prefix of one, USER/NODE or USER/NODE.OUTPUT.")
  var old: String

  @Argument(help: "The same.")
  var new: String

  mutating func run() throws {
    let cache = try common.openCache()
    let a = try Reference(old, in: cache, user: common.user)
    let b = try Reference(new, in: cache, user: common.user)
    if case .action(let before) = a.subject, case .action(let after) = b.subject,
      a.file == nil, b.file == nil
    {
      compare(before, after)
      return
    }
    let store = cache.store
    let (was, isNow) = (try a.digest(of: old, in: store), try b.digest(of: new, in: store))
    let changes = try Comparison(store).changes(was, isNow)
    if common.json {
      Terminal.write(
        JSON.array(
          changes.map { change in
            [
              "path": .string(change.path),
              "old": change.old.map { .string($0.description) } ?? .null,
              "new": change.new.map { .string($0.description) } ?? .null,
              "lines": .array(change.lines.map(JSON.string)),
            ]
          }))
      return
    }
    if changes.isEmpty { Terminal.write("the same\n") }
    for change in changes {
      let path = change.path.isEmpty ? "" : change.path + ": "
      Terminal.write(
        "\(path)\(change.old?.description ?? "none") → \(change.new?.description ?? "none")\n")
      for line in change.lines { Terminal.write("  \(line)\n") }
    }
  }

  private func compare(_ before: ActionRecord, _ after: ActionRecord) {
    func ingredients(_ record: ActionRecord) -> Ingredients {
      Ingredients(
        stage: record.stage, version: record.version, parameters: record.parameters,
        inputs: record.inputs)
    }
    let reasons = Explanation.compare(ingredients(before), ingredients(after))
    let outputs = Set(before.outputs.keys).union(after.outputs.keys).sorted().filter {
      before.outputs[$0] != after.outputs[$0]
    }
    if common.json {
      Terminal.write(
        [
          "made_of": .array(reasons.map(\.json)),
          "outputs": .array(
            outputs.map { name in
              [
                "name": .string(name),
                "old": before.outputs[name].map { .string($0.description) } ?? .null,
                "new": after.outputs[name].map { .string($0.description) } ?? .null,
              ]
            }),
        ] as JSON)
      return
    }
    if reasons.isEmpty, outputs.isEmpty { Terminal.write("the same\n") }
    for reason in reasons { Terminal.write("\(reason)\n") }
    for name in outputs {
      Terminal.write(
        "output \(name): \(before.outputs[name]?.description ?? "none") → "
          + "\(after.outputs[name]?.description ?? "none")\n")
    }
  }
}

/// Compares two artifacts file by file, texts line by line.
private struct Comparison {
  struct Change {
    var path: String
    var old: Digest?
    var new: Digest?
    /// Lines that went (`-`) and came (`+`), where both are short texts.
    var lines: [String] = []
  }

  let store: ObjectStore

  init(_ store: ObjectStore) { self.store = store }

  func changes(_ old: Digest, _ new: Digest) throws -> [Change] {
    if old == new { return [] }
    let (before, after) = (try files(old), try files(new))
    return try Set(before.keys).union(after.keys).sorted().compactMap { path in
      guard before[path] != after[path] else { return nil }
      var change = Change(path: path, old: before[path], new: after[path])
      if let old = before[path], let new = after[path] { change.lines = try lines(old, new) }
      return change
    }
  }

  private func files(_ digest: Digest) throws -> [String: Digest] {
    guard store.kind(of: digest) == .tree else { return ["": digest] }
    return Dictionary(
      try store.tree(digest).entries.map { ($0.path, $0.digest) },
      uniquingKeysWith: { first, _ in first })
  }

  private func lines(_ old: Digest, _ new: Digest) throws -> [String] {
    let limit = 1 << 20
    guard try store.size(of: old) <= limit, try store.size(of: new) <= limit,
      let a = String(validating: try store.read(old), as: UTF8.self),
      let b = String(validating: try store.read(new), as: UTF8.self), !a.contains("\0")
    else { return [] }
    let (before, after) = (
      a.split(separator: "\n", omittingEmptySubsequences: false).map(String.init),
      b.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    )
    guard before.count * after.count < 25_000_000 else { return [] }
    let changes = after.difference(from: before).map { change in
      switch change {
      case .remove(let offset, let line, _): (offset, "- \(line)")
      case .insert(let offset, let line, _): (offset, "+ \(line)")
      }
    }
    let shown = changes.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.prefix(200).map { text in
      text.1.count > 200 ? String(text.1.prefix(200)) + "…" : text.1
    }
    return shown + (changes.count > 200 ? ["… \(changes.count - 200) more"] : [])
  }
}
