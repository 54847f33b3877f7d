import Bytes
import Formats
import StageKit

/// Stores what manifest and card have to say of a bundle.
struct BundleFacts {
  let baseName: String
  let baseLicence: String
  let baseDigest: Digest
  let modelDigest: Digest
  let config: ModelConfig
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

  static let unknown = "unknown"

  init(
    _ context: StageContext, base: InputArtifact, model: GGUFModel, baseName: String,
    baseLicence: String
  ) throws {
    let card = base.has("README.md") ? CardHeader(try base.text("README.md")) : nil
    self.baseName = Self.first(baseName, card?["model_name"], card?.title)
    self.baseLicence = Self.first(baseLicence, card?["license"], nil)
    baseDigest = base.digest
    modelDigest = try context.input("model").digest
    config = model.config
    type = try model.file.tensor("blk.0.attn_v.weight").type.name
    let folder = context.optionalInput("adapter")
    adapter = try folder.map { try AdapterConfig(json: $0.read(AdapterConfig.fileName)) }
    adapterDigest = folder?.digest
    func json(_ name: String, _ path: String) throws -> JSONNode? {
      guard let input = context.optionalInput(name) else { return nil }
      let own = input.isTree ? (input.has(path) ? path : input.paths.first ?? path) : ""
      return try JSONNode(parsing: input.read(own), format: name)
    }
    metrics = try json("metrics", "metrics.json")
    records = try json("records_report", "report.json")
    samples = try json("samples_report", "report.json")
    let manner = context.optionalInput("profile")
    profile = try manner.flatMap { $0.has("profile.txt") ? try $0.text("profile.txt") : nil }
  }

  private static func first(_ given: String, _ found: String?, _ other: String?) -> String {
    if !given.isEmpty { return given }
    return [found, other].compactMap { $0 }.first { !$0.isEmpty } ?? unknown
  }

  /// The manifest: every other file with its digest, and what it all was made from.
  func manifest(_ files: [BundleFile]) -> JSONNode {
    var members: [JSONMember] = [
      JSONMember("format", .string("plm-bundle 1")),
      JSONMember(
        "files",
        .object(
          files.map {
            JSONMember(
              $0.path,
              .object(["digest": .string($0.digest.description), "bytes": .int($0.size)]))
          })),
      JSONMember(
        "base",
        .object([
          "name": .string(baseName), "digest": .string(baseDigest.description),
          "licence": .string(baseLicence),
        ])),
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
      members.append(
        JSONMember(
          "adapter",
          .object([
            "digest": .string(adapterDigest?.description ?? ""), "rank": .int(adapter.rank),
            "alpha": .double(adapter.alpha), "dropout": .double(adapter.dropout),
            "targets": .array(adapter.targets.map { .string($0) }),
          ])))
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

/// Reads the fields at the top of a model card.
struct CardHeader {
  private var fields: [String: String] = [:]
  /// The first heading.
  private(set) var title: String?

  init(_ text: String) {
    var inHeader = false
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line == "---" {
        if number > 0, !inHeader { break }
        if inHeader { inHeader = false } else { inHeader = number == 0 }
        continue
      }
      if inHeader, let colon = line.firstIndex(of: ":") {
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        fields[String(line[..<colon])] = String(value)
      } else if !inHeader, title == nil, line.hasPrefix("# ") {
        title = String(line.dropFirst(2))
      }
    }
  }

  subscript(name: String) -> String? { fields[name] }
}
