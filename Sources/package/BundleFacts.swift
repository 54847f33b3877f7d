import Bytes
import ChatTemplates
import Formats
import Foundation
import PersonalLM
import StageKit

/// Stores what manifest and card have to say of a bundle.
struct BundleFacts {
  let baseName: String
  let baseLicence: String
  let baseDigest: Digest
  let modelDigest: Digest
  let config: ModelConfig
  /// Whether the model says itself how conversations are put to it.
  let hasTemplate: Bool
  /// How the matrices of the model are stored.
  let type: String
  let adapter: AdapterConfig?
  let adapterDigest: Digest?
  /// The profile in words.
  let profile: String?
  /// What evaluate measured, as it wrote it.
  let metrics: JSONNode?
  /// The reports of ingest and filter, as they wrote them.
  let records: JSONNode?
  let samples: JSONNode?
  let gate: ShipGate
  /// The files of the shared base; none where the bundle has its own model.
  let sharedFiles: [BundleManifest.File]

  static let unknown = "unknown"

  init(
    _ context: StageContext, base: InputArtifact, model: GGUFModel, modelDigest: Digest,
    gate: ShipGate, metrics: JSONNode?, sharedFiles: [BundleManifest.File]
  ) throws {
    let card = base.has("README.md") ? CardHeader(try base.text("README.md")) : nil
    baseName = Self.first(context[Package.baseName], card?["model_name"], card?.title)
    baseLicence = Self.first(context[Package.baseLicence], card?["license"], nil)
    baseDigest = base.digest
    self.modelDigest = modelDigest
    self.gate = gate
    self.metrics = metrics
    self.sharedFiles = sharedFiles
    config = model.config
    hasTemplate = model.file.metadata[ChatTemplate.ggufKey]?.text != nil
    // Of mixes, tensors tell little: the file says which it is.
    let number = model.file.metadata["general.file_type"]?.int
    let fileType = number.flatMap { UInt32(exactly: $0) }.flatMap { GGUFFileType(rawValue: $0) }
    type = try fileType?.name ?? model.file.tensor("blk.0.attn_q.weight").type.name
    let folder = context.optionalInput("adapter")
    adapter = try folder.map { try AdapterConfig(json: $0.read(AdapterConfig.fileName)) }
    adapterDigest = folder?.digest
    records = try Self.json(context, "records_report", "report.json")
    samples = try Self.json(context, "samples_report", "report.json")
    let manner = context.optionalInput("profile")
    profile = try manner.flatMap { $0.has("profile.txt") ? try $0.text("profile.txt") : nil }
  }

  /// An input's JSON.
  static func json(_ context: StageContext, _ name: String, _ path: String) throws -> JSONNode? {
    guard let input = context.optionalInput(name) else { return nil }
    let own = input.isTree ? (input.has(path) ? path : input.paths.first ?? path) : ""
    return try JSONNode(parsing: input.read(own), format: name)
  }

  private static func first(_ given: String, _ found: String?, _ other: String?) -> String {
    if !given.isEmpty { return given }
    return [found, other].compactMap { $0 }.first { !$0.isEmpty } ?? unknown
  }

  /// The manifest: every other file with its digest, and what it all was made from.
  func manifest(_ files: [BundleManifest.File]) -> JSONNode {
    func list(_ files: [BundleManifest.File]) -> JSONNode {
      .object(
        files.map {
          JSONMember(
            $0.path,
            .object(["digest": .string($0.digest.description), "bytes": .int($0.bytes)]))
        })
    }
    var base: [JSONMember] = [
      JSONMember("name", .string(baseName)), JSONMember("digest", .string(baseDigest.description)),
      JSONMember("licence", .string(baseLicence)),
    ]
    if !sharedFiles.isEmpty { base.append(JSONMember("files", list(sharedFiles))) }
    let layout: BundleManifest.Layout = sharedFiles.isEmpty ? .merged : .adapter
    var members: [JSONMember] = [
      JSONMember("format", .string("plm-bundle 2")),
      JSONMember("layout", .string(layout.rawValue)),
      JSONMember("gate", gate.json),
      JSONMember("files", list(files)),
      JSONMember("base", .object(base)),
      JSONMember(
        "model",
        .object([
          "architecture": .string(config.ggufArchitecture), "type": .string(type),
          "digest": .string(modelDigest.description),
          "weights": .int(config.parameterCount), "layers": .int(config.layerCount),
          "hidden_size": .int(config.hiddenSize), "vocabulary": .int(config.vocabularySize),
          "context": .int(config.maximumPositions),
        ])),
      JSONMember(
        "licence",
        .object([
          "base": .string(baseLicence),
          "texts": .string("the user's own; private"),
          "adapter": .string("the user's own; subject to the base's licence"),
        ])),
    ]
    if let adapter {
      var facts: [JSONMember] = [
        JSONMember("digest", .string(adapterDigest?.description ?? "")),
        JSONMember("rank", .int(adapter.rank)), JSONMember("alpha", .double(adapter.alpha)),
        JSONMember("dropout", .double(adapter.dropout)),
        JSONMember("targets", .array(adapter.targets.map { .string($0) })),
      ]
      if adapter.weightDecomposed { facts.append(JSONMember("dora", .bool(true))) }
      members.append(JSONMember("adapter", .object(facts)))
    }
    if let metrics { members.append(JSONMember("metrics", metrics)) }
    // Counts alone: the reports also name the user's files.
    for (name, report, counts) in [
      ("records", records, ["records", "duplicatesDropped", "split"]),
      ("samples", samples, ["samples", "accepted", "rejected"]),
    ] {
      guard let report else { continue }
      let kept = counts.compactMap { count in
        report[count].map { JSONMember(count, $0["records"] ?? $0) }
      }
      members.append(JSONMember(name, .object(kept)))
    }
    return .object(members)
  }
}

extension BundleFacts {
  /// Whether what answers is an adapter that only plm and PEFT can put over its base.
  var needsPLM: Bool {
    !sharedFiles.isEmpty && gate.ships.isPersonal && adapter?.weightDecomposed == true
  }

  /// Ollama sets memory aside for the whole context at once.
  private static let mostContext = 8192

  /// How Ollama takes the bundle in: `ollama create NAME -f Modelfile`.
  func modelfile(hasAdapter: Bool) -> [UInt8] {
    var lines: [String]
    if sharedFiles.isEmpty {
      lines = ["FROM ./model.gguf"]
    } else {
      lines = ["FROM ../\(BundleManifest.baseFolder(of: sharedFiles))/model.gguf"]
      if hasAdapter, gate.ships.isPersonal { lines.append("ADAPTER ./adapter.gguf") }
    }
    // A model that only continues texts gets the prompt as it is; one that was taught to chat has
    // its template with it.
    if !hasTemplate { lines.append("TEMPLATE \"{{ .Prompt }}\"") }
    let positions = min(config.maximumPositions, Self.mostContext)
    if positions < config.maximumPositions {
      lines.append(
        "# The model takes up to \(config.maximumPositions) tokens; more of them need more memory.")
    }
    lines.append("PARAMETER num_ctx \(positions)")
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }
}

/// Reads the fields at the top of a model card.
struct CardHeader {
  private var fields: [String: String] = [:]
  /// The first heading.
  private(set) var title: String?

  init(_ text: String) {
    var inHeader = false
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated() {
      if line == "---" {
        if number > 0, !inHeader { break }
        if inHeader { inHeader = false } else { inHeader = number == 0 }
        continue
      }
      if inHeader, let colon = line.firstIndex(of: ":") {
        fields[String(line[..<colon])] = Self.value(line[line.index(after: colon)...])
      } else if !inHeader, title == nil, line.hasPrefix("# ") {
        title = String(line.dropFirst(2))
      }
    }
  }

  /// A plain scalar of YAML: without what stands around it, its quotes, and a comment behind it.
  private static func value(_ text: Substring) -> String {
    let value = text.drop { $0 == " " }
    if let quote = value.first, quote == "\"" || quote == "'",
      let end = value.dropFirst().firstIndex(of: quote)
    {
      return String(value[value.index(after: value.startIndex)..<end])
    }
    let end = value.range(of: " #")?.lowerBound ?? value.endIndex
    return value[..<end].trimmingCharacters(in: .whitespaces)
  }

  subscript(name: String) -> String? { fields[name] }
}
