/// Stores the settings of a LoRA adapter: the part of PEFT's `adapter_config.json` that decides its
/// mathematics.
public struct AdapterConfig: Equatable, Sendable {
  public var rank: Int
  public var alpha: Double
  public var dropout: Double
  /// The projections adapted (`q_proj` …), sorted.
  public var targets: [String]
  /// Whether the scale is alpha/√rank instead of alpha/rank.
  public var rankStabilised: Bool
  /// Whether each adapted row has a length of its own, its magnitude, that is trained apart from its
  /// direction (DoRA, Liu et al. 2024).
  public var weightDecomposed: Bool

  public init(
    rank: Int, alpha: Double, dropout: Double = 0, targets: [String], rankStabilised: Bool = false,
    weightDecomposed: Bool = false
  ) {
    self.rank = rank
    self.alpha = alpha
    self.dropout = dropout
    self.targets = targets.sorted()
    self.rankStabilised = rankStabilised
    self.weightDecomposed = weightDecomposed
  }

  /// What B·A is multiplied by.
  public var scale: Double {
    rankStabilised ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
  }

  /// The projections of a Llama layer that an adapter can change.
  public static let linearLayers = [
    "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj",
  ]
  /// The names of the files in an adapter's folder.
  public static let fileName = "adapter_config.json"
  public static let weightsName = "adapter_model.safetensors"

  /// The block a projection belongs to: `self_attn` or `mlp`.
  public static func block(of target: String) -> String {
    ["q_proj", "k_proj", "v_proj", "o_proj"].contains(target) ? "self_attn" : "mlp"
  }

  /// The name of a factor in the weights file; `factor` is "A" or "B".
  public static func tensorName(layer: Int, target: String, factor: String) -> String {
    path(layer, target) + ".lora_\(factor).weight"
  }

  /// The name of a projection's magnitudes in the weights file.
  public static func magnitudeName(layer: Int, target: String) -> String {
    path(layer, target) + magnitudeEnding
  }

  private static func path(_ layer: Int, _ target: String) -> String {
    "base_model.model.model.layers.\(layer).\(block(of: target)).\(target)"
  }

  private static let magnitudeEnding = ".lora_magnitude_vector"

  /// The error of a tensor in the weights file that this config does not lead to.
  public func superfluous(_ name: String) -> FormatError {
    .unsupported(
      format: Self.weightsName, field: "tensor", found: name,
      supported: name.hasSuffix(Self.magnitudeEnding) && !weightDecomposed
        ? "magnitudes only where \(Self.fileName) says use_dora"
        : "LoRA on the projections its config names")
  }
}

extension AdapterConfig {
  private static let format = "adapter_config.json"

  /// Reads PEFT's `adapter_config.json`.
  public init(json bytes: some Collection<UInt8>) throws(FormatError) {
    let node = try JSONNode(parsing: bytes, format: Self.format)
    func wrong(_ field: String) -> FormatError {
      let found = node[field].map { String(decoding: $0.bytes(), as: UTF8.self) } ?? "missing"
      return .invalid(format: Self.format, field: field, found: found)
    }
    guard let type = node["peft_type"]?.text else {
      throw .missing(format: Self.format, field: "peft_type")
    }
    guard type == "LORA" else {
      throw .unsupported(
        format: Self.format, field: "peft_type", found: type, supported: "peft_type LORA")
    }
    guard let rank = node["r"]?.int, (1...65_536).contains(rank) else { throw wrong("r") }
    guard let alpha = node["lora_alpha"]?.number, alpha.isFinite, alpha > 0 else {
      throw wrong("lora_alpha")
    }
    let dropout = node["lora_dropout"]?.number ?? 0
    guard (0..<1).contains(dropout) else { throw wrong("lora_dropout") }
    self.init(
      rank: rank, alpha: alpha, dropout: dropout, targets: try Self.targets(node),
      rankStabilised: node["use_rslora"]?.bool ?? false,
      weightDecomposed: try Self.usesDoRA(node))
    try Self.refuseOtherMathematics(node)
  }

  private static func usesDoRA(_ node: JSONNode) throws(FormatError) -> Bool {
    guard let value = node["use_dora"], !value.isNull else { return false }
    guard let isOn = value.bool else {
      throw .invalid(
        format: format, field: "use_dora", found: String(decoding: value.bytes(), as: UTF8.self))
    }
    return isOn
  }

  private static func targets(_ node: JSONNode) throws(FormatError) -> [String] {
    let field = "target_modules"
    if node[field]?.text == "all-linear" { return linearLayers }
    if let pattern = node[field]?.text {
      throw .unsupported(
        format: format, field: field, found: pattern,
        supported: "a list of " + linearLayers.joined(separator: ", ") + ", or all-linear")
    }
    var targets: Set<String> = []
    for element in node[field]?.elements ?? [] {
      guard let target = element.text.flatMap(projection) else {
        throw .unsupported(
          format: format, field: field, found: String(decoding: element.bytes(), as: UTF8.self),
          supported: linearLayers.joined(separator: ", "))
      }
      targets.insert(target)
    }
    guard !targets.isEmpty else { throw .missing(format: format, field: field) }
    return targets.sorted()
  }

  /// The projection that a target names, alone or with its path.
  ///
  /// PEFT writes "all-linear" of a small model as the paths of all its projections. Were a layer
  /// left out, its factors would be missing among the weights, which is an error of its own.
  private static func projection(_ target: String) -> String? {
    let parts = target.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.last, linearLayers.contains(name) else { return nil }
    if parts.count == 1 { return name }
    guard parts.count == 5, parts[..<2] == ["model", "layers"], Int(parts[2]) != nil,
      parts[3] == block(of: name)
    else { return nil }
    return name
  }

  /// Settings that would make the adapter something else than W + scale·B·A, with magnitudes or
  /// without.
  private static func refuseOtherMathematics(_ node: JSONNode) throws(FormatError) {
    let off: [String: [JSONNode]] = [
      "use_qalora": [.bool(false)], "lora_bias": [.bool(false)], "fan_in_fan_out": [.bool(false)],
      "bias": [.string("none")], "modules_to_save": [.array([])],
      "rank_pattern": [.object([])], "alpha_pattern": [.object([])],
      "layers_to_transform": [], "layers_pattern": [], "layer_replication": [],
      "trainable_token_indices": [], "target_parameters": [.array([])], "exclude_modules": [],
      "use_bdlora": [.bool(false)], "arrow_config": [], "alora_invocation_tokens": [],
      "megatron_config": [],
      // Others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA …) change the base that the adapter belongs to.
      "init_lora_weights": [
        .bool(true), .bool(false), .string("gaussian"), .string("eva"), .string("orthogonal"),
      ],
    ]
    for member in node.members ?? [] where !member.value.isNull {
      if let allowed = off[member.name] {
        if allowed.contains(member.value) { continue }
      } else if harmless.contains(member.name) || isOff(member.value) {
        continue
      }
      throw .unsupported(
        format: format, field: member.name,
        found: String(decoding: member.value.bytes(), as: UTF8.self),
        supported: "plain LoRA and DoRA")
    }
  }

  /// What fields hold that are not used.
  private static func isOff(_ value: JSONNode) -> Bool {
    value == .bool(false) || value == .array([]) || value == .object([]) || value == .string("")
  }

  /// Fields that decide nothing about what a trained adapter computes, besides those read above.
  private static let harmless: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "ensure_weight_tying", "inference_mode",
    "loftq_config", "corda_config", "eva_config", "lora_ga_config", "lora_alpha", "lora_dropout",
    "megatron_core", "peft_type", "peft_version", "qalora_group_size", "r", "revision",
    "runtime_config", "target_modules", "task_type", "use_dora", "use_rslora",
  ]

  /// The `adapter_config.json` that PEFT reads.
  public func json() -> [UInt8] {
    let number: JSONNode = Int(exactly: alpha).map { .int($0) } ?? .double(alpha)
    return JSONNode.object([
      "alpha_pattern": .object([]),
      "auto_mapping": .null,
      "base_model_name_or_path": .null,
      "bias": .string("none"),
      "fan_in_fan_out": .bool(false),
      "inference_mode": .bool(true),
      "init_lora_weights": .bool(true),
      "layers_pattern": .null,
      "layers_to_transform": .null,
      "lora_alpha": number,
      "lora_dropout": .double(dropout),
      "modules_to_save": .null,
      "peft_type": .string("LORA"),
      "r": .int(rank),
      "rank_pattern": .object([]),
      "revision": .null,
      "target_modules": .array(targets.map { .string($0) }),
      "task_type": .string("CAUSAL_LM"),
      "use_dora": .bool(weightDecomposed),
      "use_rslora": .bool(rankStabilised),
    ]).indentedBytes()
  }
}
