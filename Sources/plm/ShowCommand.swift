import ActionCache
import ArgumentParser
import Bytes
import Formats
import Foundation
import Graph
import ObjectStore

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows an artifact in a form that suits its kind, or an action.")

  @OptionGroup var common: CommonOptions

  @Argument(
    help:
      "A digest or a prefix of one, USER/NODE or USER/NODE.OUTPUT; with /FILE for one of a tree.")
  var artifact: String

  @Option(name: .shortAndLong, help: "How many lines, records or entries at most.")
  var limit = 20

  mutating func validate() throws {
    guard (0...1_000_000).contains(limit) else {
      throw ValidationError("--limit must be from 0 to 1000000")
    }
  }

  mutating func run() throws {
    let cache = try common.openCache()
    let reference = try Reference(artifact, in: cache, user: common.user)
    if reference.file == nil {
      switch reference.subject {
      case .action(let record), .failure(let record):
        show(record)
        return
      case .object, .output: break
      }
    }
    let digest = try reference.digest(of: artifact, in: cache.store)
    let view = try ArtifactView(digest, in: cache.store, limit: limit)
    if common.json { Terminal.write(view.json) } else { Terminal.write(view.text) }
  }

  private func show(_ record: ActionRecord) {
    if common.json {
      Terminal.write(record.json)
      return
    }
    var rows = [
      ["stage", "\(record.stage) (version \(record.version))"], ["key", record.key.description],
      ["ended", "\(record.end), after \(Terminal.time(record.end.seconds(since: record.start)))"],
    ]
    if let kernels = record.kernels { rows.append(["kernels", kernels]) }
    if !record.succeeded {
      rows.append(["failed", "exit \(record.exit): \(record.message ?? "")"])
    }
    for (name, digest) in record.inputs.sorted(by: { $0.key < $1.key }) {
      rows.append(["in \(name)", digest.description])
    }
    for (name, value) in record.parameters.sorted(by: { $0.key < $1.key }) {
      rows.append(["set \(name)", value.plain])
    }
    for (name, digest) in record.outputs.sorted(by: { $0.key < $1.key }) {
      rows.append(["out \(name)", digest.description])
    }
    Terminal.write(Terminal.table(rows))
  }
}

/// Stores what there is to say of an artifact.
private struct ArtifactView {
  private(set) var text = ""
  private(set) var json: JSON = .null

  init(_ digest: Digest, in store: ObjectStore, limit: Int) throws {
    if store.kind(of: digest) == .tree {
      try showTree(try store.tree(digest), digest, limit)
      return
    }
    let content = try store.map(digest)
    defer { withExtendedLifetime(content) {} }
    let head = "\(digest), \(Terminal.size(content.count))"
    if content.bytes.starts(with: Array("GGUF".utf8)) {
      showGGUF(content, head)
    } else if let header = Self.safetensorsHeader(content) {
      showSafetensors(header, head, limit)
    } else if let whole = String(validating: content.bytes, as: UTF8.self), !whole.contains("\0") {
      showText(whole, head, limit)
    } else {
      text = "\(head), binary\n"
      json = Self.describe("binary", digest, content.count)
    }
  }

  private static func describe(
    _ kind: String, _ digest: Digest, _ size: Int, _ more: [String: JSON] = [:]
  ) -> JSON {
    .object(
      more.merging([
        "kind": .string(kind), "digest": .string(digest.description), "bytes": .int(size),
      ]) { first, _ in first })
  }

  private mutating func showTree(_ tree: Tree, _ digest: Digest, _ limit: Int) throws {
    text = "\(digest), tree of \(tree.entries.count) files, \(Terminal.size(tree.size))\n"
    text += Terminal.table(
      tree.entries.prefix(max(limit, 100)).map {
        ["  " + $0.path, Terminal.size($0.size), $0.digest.description]
      })
    if tree.entries.count > max(limit, 100) {
      text += "  … \(tree.entries.count - max(limit, 100)) more\n"
    }
    let entries = tree.entries.map { entry -> JSON in
      [
        "path": .string(entry.path), "bytes": .int(entry.size),
        "digest": .string(entry.digest.description),
      ]
    }
    json = Self.describe("tree", digest, tree.size, ["entries": .array(entries)])
  }

  private mutating func showText(_ whole: String, _ head: String, _ limit: Int) {
    let lines = whole.split(separator: "\n")
    let records = lines.prefix(limit).map { try? JSON(parsing: String($0)) }
    if lines.count > 1, records.allSatisfy({ $0?.objectValue != nil }) {
      text = "\(head), \(lines.count) records\n"
      for case let record? in records { text += record.pretty + "\n" }
      json = [
        "kind": "records", "count": .int(lines.count), "records": .array(records.compactMap { $0 }),
      ]
    } else if let value = try? JSON(parsing: whole),
      value.objectValue ?? nil != nil || value.arrayValue != nil
    {
      let pretty = value.pretty.split(separator: "\n", omittingEmptySubsequences: false)
      text = "\(head), JSON\n" + pretty.prefix(limit * 10).joined(separator: "\n") + "\n"
      if pretty.count > limit * 10 { text += "… \(pretty.count - limit * 10) more lines\n" }
      json = ["kind": "json", "value": value]
    } else {
      text = "\(head), text of \(lines.count) lines\n"
      text +=
        lines.prefix(limit).map { $0.count > 400 ? $0.prefix(400) + "…" : $0 }.joined(
          separator: "\n") + "\n"
      if lines.count > limit { text += "… \(lines.count - limit) more lines\n" }
      json = ["kind": "text", "lines": .int(lines.count), "text": .string(whole)]
    }
  }

  // MARK: Tensors

  /// The header of a safetensors file: eight bytes of length, then JSON.
  private static func safetensorsHeader(_ content: MappedFile) -> JSON? {
    var reader = ByteReader(content.bytes)
    guard let length = try? reader.read(UInt64.self), length < 100 << 20,
      let text = try? reader.readText(Int(length)), let header = try? JSON(parsing: text),
      header.objectValue?.values.contains(where: { $0["data_offsets"] != nil }) == true
    else { return nil }
    return header
  }

  private mutating func showSafetensors(_ header: JSON, _ head: String, _ limit: Int) {
    let tensors = (header.objectValue ?? [:]).filter { $0.key != "__metadata__" }
      .sorted { $0.key < $1.key }
    text = "\(head), safetensors of \(tensors.count) tensors\n"
    text += Terminal.table(
      tensors.map { name, tensor in
        ["  " + name, tensor["dtype"]?.stringValue ?? "", tensor["shape"]?.text ?? ""]
      })
    json = ["kind": "safetensors", "header": header]
  }

  private mutating func showGGUF(_ content: MappedFile, _ head: String) {
    do {
      let header = try GGUFHeader(content)
      text = "\(head), GGUF version \(header.version), \(header.tensors.count) tensors\n"
      text += Terminal.table(header.fields.map { ["  " + $0.0, $0.1.plain] })
      text += Terminal.table(
        header.tensors.map { ["  " + $0.name, $0.type, $0.shape.description] })
      json = [
        "kind": "gguf", "version": .int(header.version),
        "metadata": .object(Dictionary(header.fields, uniquingKeysWith: { first, _ in first })),
        "tensors": .array(
          header.tensors.map {
            [
              "name": .string($0.name), "type": .string($0.type),
              "shape": .array($0.shape.map(JSON.int)),
            ]
          }),
      ]
    } catch {
      text = "\(head), GGUF with a broken header: \(error)\n"
      json = ["kind": "gguf", "error": .string("\(error)")]
    }
  }
}

/// Reads the header of a GGUF file: as much as is worth showing.
private struct GGUFHeader {
  var version = 0
  var fields: [(String, JSON)] = []
  var tensors: [(name: String, type: String, shape: [Int])] = []

  private static let types = [
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 12: "Q4_K",
    13: "Q5_K", 14: "Q6_K", 30: "BF16",
  ]

  init(_ content: MappedFile) throws(ByteReadError) {
    var reader = ByteReader(content.bytes, at: 4)
    version = Int(try reader.read(UInt32.self))
    let tensorCount = try reader.read(UInt64.self)
    let fieldCount = try reader.read(UInt64.self)
    for _ in 0..<min(fieldCount, 1 << 16) {
      let name = try Self.text(&reader)
      fields.append((name, try Self.value(&reader, type: try reader.read(UInt32.self))))
    }
    for _ in 0..<min(tensorCount, 1 << 20) {
      let name = try Self.text(&reader)
      var shape: [Int] = []
      for _ in 0..<min(try reader.read(UInt32.self), 8) {
        shape.append(Int(clamping: try reader.read(UInt64.self)))
      }
      let type = Int(try reader.read(UInt32.self))
      _ = try reader.read(UInt64.self)
      tensors.append((name, Self.types[type] ?? "type \(type)", shape))
    }
  }

  private static func text(_ reader: inout ByteReader) throws(ByteReadError) -> String {
    let count = Int(clamping: try reader.read(UInt64.self))
    return String(decoding: try reader.readBytes(count), as: UTF8.self)
  }

  private static func value(
    _ reader: inout ByteReader, type: UInt32
  ) throws(ByteReadError) -> JSON {
    switch type {
    case 0: return .int(Int(try reader.read(UInt8.self)))
    case 1: return .int(Int(try reader.read(Int8.self)))
    case 2: return .int(Int(try reader.read(UInt16.self)))
    case 3: return .int(Int(try reader.read(Int16.self)))
    case 4: return .int(Int(try reader.read(UInt32.self)))
    case 5: return .int(Int(try reader.read(Int32.self)))
    case 6: return .double(Double(try reader.readFloat()))
    case 7: return .bool(try reader.read(UInt8.self) != 0)
    case 8: return .string(try text(&reader))
    case 9:
      let element = try reader.read(UInt32.self)
      let count = try reader.read(UInt64.self)
      for _ in 0..<count { _ = try value(&reader, type: element) }
      return .string("array of \(count)")
    case 10: return .int(Int(clamping: try reader.read(UInt64.self)))
    case 11: return .int(Int(clamping: try reader.read(Int64.self)))
    case 12: return .double(try reader.readDouble())
    default: throw .notUTF8(offset: reader.offset)
    }
  }
}
