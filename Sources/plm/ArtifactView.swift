import Bytes
import Formats
import Foundation
import Graph
import ObjectStore

/// Stores what there is to say of an artifact.
struct ArtifactView {
  private(set) var text = ""
  private(set) var json: JSON = .null

  init(_ digest: Digest, in store: ObjectStore, limit: Int) throws {
    if store.kind(of: digest) == .tree {
      try showTree(try store.tree(digest), digest, in: store, limit)
    } else {
      try showFile(digest, in: store, limit)
    }
  }

  private mutating func showFile(_ digest: Digest, in store: ObjectStore, _ limit: Int) throws {
    let content = try store.map(digest)
    defer { withExtendedLifetime(content) {} }
    let head = "\(digest), \(Terminal.size(content.count))"
    if GGUFFile.isGGUF(content) {
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

  private mutating func showTree(
    _ tree: Tree, _ digest: Digest, in store: ObjectStore, _ limit: Int
  ) throws {
    let count = tree.entries.count
    var listing = "\(digest), tree of \(count) file\(count == 1 ? "" : "s"), "
    listing += Terminal.size(tree.size) + "\n"
    listing += Terminal.table(
      tree.entries.prefix(max(limit, 100)).map {
        ["  " + $0.path, Terminal.size($0.size), $0.digest.description]
      })
    if count > max(limit, 100) { listing += "  … \(count - max(limit, 100)) more\n" }
    var facts: [String: JSON] = [
      "entries": .array(
        tree.entries.map { entry in
          [
            "path": .string(entry.path), "bytes": .int(entry.size),
            "digest": .string(entry.digest.description),
          ]
        })
    ]
    // Where there is nothing to choose from, what is in the file is what was asked for.
    if count == 1, let only = tree.entries.first {
      try showFile(only.digest, in: store, limit)
      facts["content"] = json
      listing += "\n" + text
    }
    text = listing
    json = Self.describe("tree", digest, tree.size, facts)
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
      let file = try GGUFFile(content)
      let tensors = try file.names.map { try file.tensor($0) }
      let fields = file.metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }
      text = "\(head), GGUF of \(tensors.count) tensors\n"
      text += Terminal.table(fields.map { ["  " + $0.0, $0.1.plain] })
      text += Terminal.table(
        tensors.map { ["  " + $0.name, $0.type.name, $0.shape.description] })
      json = [
        "kind": "gguf", "metadata": .object(Dictionary(uniqueKeysWithValues: fields)),
        "tensors": .array(
          tensors.map {
            [
              "name": .string($0.name), "type": .string($0.type.name),
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

extension GGUFValue {
  /// The value; of lists, which are vocabularies of tens of thousands, only how long they are.
  fileprivate var json: JSON {
    switch self {
    case .bool(let value): .bool(value)
    case .string(let value): .string(value)
    case .float(let value): .double(Double(value))
    case .double(let value): .double(value)
    case .strings(let list): .string("array of \(list.count)")
    case .int32s(let list): .string("array of \(list.count)")
    case .floats(let list): .string("array of \(list.count)")
    case .array(_, let list): .string("array of \(list.count)")
    case .uint64(let value): .int(Int(clamping: value))
    case .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64: int.map(JSON.int) ?? .null
    }
  }
}
