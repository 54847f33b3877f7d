import Bytes
import Formats
import Kernels
import Models
import StageKit

/// Trains a LoRA adapter on a frozen base, or all weights of a model.
@main enum Train: Stage {
  static let name = "train"
  static let version = 5
  static let summary = "Trains a LoRA adapter on a base, or all weights of a model (method=full)."

  static let inputs = [
    Input("base", kind: "model", help: "The model to start from: config and weights."),
    Input("tokens", kind: "tokens", help: "What is learned."),
    Input(
      "heldout", kind: "tokens", optional: true,
      help: "What the best weights are chosen by; never learned."),
    Input(
      "adapter", kind: "adapter", optional: true,
      help: "An adapter to go on from; its rank, alpha and targets apply, and settings that say "
        + "otherwise are refused unless they are the default."),
  ]
  static let outputs = [
    Output(
      "adapter", kind: "adapter", optional: true, when: ["method": "lora"],
      help: "PEFT files and the log of the steps."),
    Output(
      "model", kind: "model", optional: true, when: ["method": "full"],
      help: "The trained model, with method=full."),
    Output(
      "gradients", kind: "tensors", optional: true,
      help: "The first step's gradients, with keep_gradients."),
  ]

  static let method = Parameter(
    "method", default: "lora", oneOf: ["lora", "full"], help: "What is trained.")
  static let rank = Parameter("rank", default: 8, in: 1...1024, help: "Rank of the adapter.")
  static let alpha = Parameter(
    "alpha", default: 16.0, in: 0.001...65536, help: "The adapter is scaled by alpha / rank.")
  static let rankStabilised = Parameter(
    "rank_stabilised", default: false,
    help: "Scales the adapter by alpha / √rank instead (rsLoRA).")
  static let dora = Parameter(
    "dora", default: false,
    help: "Also trains the lengths of the rows of adapted weights, apart from their directions "
      + "(DoRA). llama.cpp loads such an adapter merged into its base only.")
  static let dropout = Parameter(
    "dropout", default: 0.0, in: 0...0.9, help: "Share of the adapter's inputs dropped.")
  static let targets = Parameter(
    "targets", default: "all-linear",
    help: "Projections adapted: a comma list of q_proj … down_proj, or all-linear.")
  static let learningRate = Parameter(
    "learning_rate", default: 1e-3, in: 0...10, help: "Peak learning rate.")
  static let schedule = Parameter(
    "schedule", default: "linear", oneOf: Schedule.Shape.allCases.map(\.rawValue),
    help: "How the learning rate goes on after the warm-up.")
  static let warmup = Parameter(
    "warmup", default: 0.05, in: 0...1e9,
    help: "Steps of warm-up; below 1, the share of all steps.")
  static let weightDecay = Parameter(
    "weight_decay", default: 0.0, in: 0...1, help: "AdamW's weight decay.")
  static let beta1 = Parameter("beta1", default: 0.9, in: 0...0.9999, help: "AdamW's beta 1.")
  static let beta2 = Parameter("beta2", default: 0.999, in: 0...0.999999, help: "AdamW's beta 2.")
  static let epsilon = Parameter("epsilon", default: 1e-8, in: 1e-30...1, help: "AdamW's epsilon.")
  static let clip = Parameter(
    "clip", default: 1.0, in: 0...1e9, help: "Largest norm of a gradient; 0 is off.")
  static let batchSize = Parameter(
    "batch_size", default: 4, in: 1...65536, help: "Samples of a batch.")
  static let accumulation = Parameter(
    "accumulation", default: 1, in: 1...65536, help: "Batches of a step.")
  static let batchTokens = Parameter(
    "batch_tokens", default: 0, in: 0...16_777_216,
    help: "Packs samples into batches of at most this many tokens, instead of batch_size; a longer "
      + "sample is a batch of its own. 0 is off. Attention never crosses samples.")
  static let epochs = Parameter(
    "epochs", default: 3, in: 0...10000, help: "Times through the data.")
  static let steps = Parameter(
    "steps", default: 0, in: 0...100_000_000, help: "Steps in all, instead of epochs; 0 is off.")
  static let skip = Parameter(
    "skip", default: 0, in: 0...100_000_000,
    help: "Steps of the order passed over, because an earlier run with the same seed took them.")
  static let maxLength = Parameter(
    "max_length", default: 0, in: 0...1_048_576,
    help: "Longest sample allowed, in tokens; 0 is the model's positions.")
  static let shuffle = Parameter(
    "shuffle", default: true, help: "Whether each epoch has an order of its own.")
  static let seed = Parameter(
    "seed", default: 1, in: 0...Int.max, help: "Seed of all that is random.")
  static let precision = Parameter(
    "precision", default: "f32", oneOf: Precision.allCases.map(\.rawValue),
    help: "What operands of products are rounded to; sums, weights that are trained and the "
      + "residual stream are f32.")
  static let baseType = Parameter(
    "base_type", default: "stored", oneOf: ["stored", "bf16", "q8_0", "q4_0"],
    help: "How a frozen base is held: as it is stored, or rounded to take less memory.")
  static let recompute = Parameter(
    "recompute", default: false,
    help: "Computes each layer again on the way back instead of keeping it: less memory, a "
      + "third more time.")
  static let validateEvery = Parameter(
    "validate_every", default: 0, in: 0...100_000_000,
    help: "Steps between validations; 0 is once an epoch.")
  static let patience = Parameter(
    "patience", default: 0, in: 0...100_000_000,
    help: "Ends the run after this many validations without a better loss; 0 is off.")
  static let weightsType = Parameter(
    "weights_type", default: "F32", oneOf: ["F32", "F16", "BF16"],
    help: "How the weights of a full model are stored.")
  static let keepGradients = Parameter(
    "keep_gradients", default: false, help: "Also writes the gradients of the first step.")
  static let threads = Parameter(
    "threads", default: 0, in: 0...256, help: "Threads; 0 is one per core. Changes no result.",
    execution: true)
  static let checkpointSeconds = Parameter(
    "checkpoint_seconds", default: 30.0, in: 0...86400, help: "Seconds between checkpoints.",
    execution: true)

  static let parameters: [any ParameterDeclaration] = [
    method, rank, alpha, rankStabilised, dora, dropout, targets, learningRate, schedule, warmup,
    weightDecay, beta1,
    beta2, epsilon, clip, batchSize, accumulation, batchTokens, epochs, steps, skip,
    maxLength, shuffle,
    seed,
    precision, baseType, recompute, validateEvery, patience, weightsType, keepGradients, threads,
    checkpointSeconds,
  ]
  static let resources = Resources(cores: 2, memory: 1 << 30)
  static var refusedKernels: String? { Kernels.refusedVariant }

  static func run(_ context: StageContext) async throws {
    Kernels.threads = context[threads]
    Kernels.exitWithoutMemory(code: 75)
    context.progress(["kernels": .string(Kernels.variant)])
    let base = try context.input("base")
    let model = try model(base, holding: holding(context), context)
    let tokens = try tokens(context.input("tokens"), model.config, context)
    var heldout = try context.optionalInput("heldout").map {
      try Self.tokens($0, model.config, context)
    }
    if let given = heldout, !given.samples.contains(where: { $0.lossCount > 0 }) {
      context.log("heldout has no trained tokens: the last weights are kept, unmeasured")
      heldout = nil
    }
    if heldout == nil, context[patience] > 0 || context[validateEvery] > 0 {
      context.log("without heldout tokens, patience and validate_every do nothing")
    }
    let labels = tokens.samples.reduce(0) { $0 + $1.lossCount }
    context.log("\(tokens.count) samples, \(labels) trained tokens")
    guard labels > 0 else { throw TrainError.nothingToLearn(samples: tokens.count) }

    if context[method] == "full" {
      guard context.optionalInput("adapter") == nil else { throw TrainError.adapterWithFull }
      guard !context[dora] else { throw TrainError.doraWithFull }
      try refuse(
        [rank, alpha, rankStabilised, dropout, targets, baseType], without: "lora", context)
      try train(model, base: base, adapter: nil, tokens: tokens, heldout: heldout, context)
    } else {
      try refuse([weightsType], without: "full", context)
      let adapter = try startingAdapter(model, context)
      try train(model, base: base, adapter: adapter, tokens: tokens, heldout: heldout, context)
    }
  }

  /// Settings that a method has no use for would be taken for ones that did something.
  private static func refuse(
    _ parameters: [any ParameterDeclaration], without method: String, _ context: StageContext
  ) throws {
    for parameter in parameters {
      let value = context.parameters[parameter.name] ?? parameter.defaultValue
      guard value == parameter.defaultValue else {
        let text = value.stringValue ?? value.text
        throw TrainError.onlyWith(method: method, setting: "\(parameter.name)=\(text)")
      }
    }
  }

  private static func train(
    _ model: LanguageModel, base: InputArtifact, adapter: Adapter?, tokens: TokenFile,
    heldout: TokenFile?, _ context: StageContext
  ) throws {
    let network = Network(
      model, adapter: adapter, training: adapter == nil ? .everything : .adapter,
      precision: Precision(rawValue: context[precision]) ?? .f32, recompute: context[recompute])
    let weights = adapter?.weights ?? model.weights
    let training = Training(
      recipe: recipe(tokens, context), network: network, weights: weights,
      optimizer: Optimizer(
        count: weights.count,
        settings: AdamW(
          beta1: context[beta1], beta2: context[beta2], epsilon: context[epsilon],
          weightDecay: context[weightDecay])),
      tokens: tokens, heldout: heldout, context: context)
    let outcome = try training.run()

    let layout = adapter?.layout ?? model.layout
    let output: OutputArtifact
    if let adapter {
      output = context.output("adapter")
      try output.write(AdapterConfig.fileName, adapter.config.json())
      try output.write(AdapterConfig.weightsName, adapter.safetensors(), mappable: true)
    } else {
      output = context.output("model")
      try write(model, base: base, to: output, context)
    }
    try output.write(logNames[0], text: lines(outcome.trainingLines))
    if heldout != nil { try output.write(logNames[1], text: lines(outcome.validationLines)) }
    if context[keepGradients] {
      let gradient = outcome.firstGradient.floats
      var writer = SafetensorsWriter()
      for entry in layout.entries {
        writer.add(
          entry.name, Array(gradient[entry.offset..<entry.offset + entry.count]),
          shape: entry.shape)
      }
      try context.output("gradients").write(writer.bytes(), mappable: true)
    }
  }

  /// Writes a trained model as a Hugging Face folder, with what the base's has besides weights.
  private static func write(
    _ model: LanguageModel, base: InputArtifact, to output: OutputArtifact, _ context: StageContext
  ) throws {
    let type = ScalarType(rawValue: context[weightsType]) ?? .f32
    let largest = model.weights.floats.reduce(0) { max($0, abs($1)) }
    if type == .f16, largest > 65504 { throw TrainError.beyondF16(largest) }
    try output.write("model.safetensors", model.safetensors(as: type), mappable: true)
    for path in base.paths where !ModelFolder.isWeights(path) && !logNames.contains(path) {
      try output.link(path, to: base, path)
    }
    if base.has(ModelConfig.fileName) { return }
    try output.write(ModelConfig.fileName, model.config.json())
    // Of a GGUF file, the vocabulary is kept in one of its own.
    let paths = base.isTree ? base.paths : [""]
    for path in paths where path.isEmpty || path.hasSuffix(".gguf") {
      let file = try base.map(path)
      guard GGUFFile.isGGUF(file) else { continue }
      if let vocabulary = try GGUFFile(file).vocabulary {
        try output.write(GGUFFile.vocabularyName, vocabulary)
        return
      }
    }
  }

  /// Opens the base. A frozen one is kept for the next user that trains on it; one that is trained
  /// belongs to this run.
  private static func model(
    _ base: InputArtifact, holding: LanguageModel.Holding, _ context: StageContext
  ) throws -> LanguageModel {
    func open() throws -> LanguageModel {
      try LanguageModel(
        ModelFolder(paths: base.isTree ? base.paths : [""]) { try base.map($0) }, holding: holding)
    }
    if holding == .trainable { return try open() }
    let key = Digest(of: Array("\(base.digest) \(holding)".utf8))
    return try context.keep("base", for: key) { try open() }
  }

  private static func holding(_ context: StageContext) -> LanguageModel.Holding {
    if context[method] == "full" { return .trainable }
    switch context[baseType] {
    case "bf16": return .rounded(.bf16)
    case "q8_0": return .rounded(.q8)
    case "q4_0": return .rounded(.q4)
    default: return .asStored
    }
  }

  private static let logNames = ["training.jsonl", "validation.jsonl"]

  private static func lines(_ lines: [String]) -> String {
    lines.map { $0 + "\n" }.joined()
  }

  private static func recipe(_ tokens: TokenFile, _ context: StageContext) -> Recipe {
    let lengths = zip(tokens.offsets, tokens.offsets.dropFirst()).map { $1 - $0 }
    let packs = context[batchTokens] > 0
    let order = Order(
      packs: packs
        ? Order.packed(lengths: lengths, tokens: context[batchTokens])
        : Order.singly(tokens.count),
      batchSize: packs ? 1 : context[batchSize], accumulation: context[accumulation],
      shuffled: context[shuffle], seed: UInt64(context[seed]))
    let total = context[steps] > 0 ? context[steps] : context[epochs] * order.stepsPerEpoch
    let warm = context[warmup] < 1 ? context[warmup] * Double(total) : context[warmup]
    return Recipe(
      schedule: Schedule(
        shape: Schedule.Shape(rawValue: context[schedule]) ?? .linear,
        peak: context[learningRate], warmup: Int(warm), steps: total),
      order: order, skip: context[skip], clip: context[clip], validateEvery: context[validateEvery],
      patience: context[patience],
      seed: UInt64(context[seed]), keepsGradient: context[keepGradients],
      checkpointSeconds: context[checkpointSeconds])
  }

  /// Reads tokens and checks them against the model before any of them is learned.
  private static func tokens(
    _ input: InputArtifact, _ config: ModelConfig, _ context: StageContext
  ) throws -> TokenFile {
    let tokens = try TokenFile(input.map(input.isTree ? TokenFile.name : ""))
    let limit = min(
      config.maximumPositions, context[maxLength] > 0 ? context[maxLength] : Int.max)
    for sample in 0..<tokens.count {
      let length = tokens.offsets[sample + 1] - tokens.offsets[sample]
      guard length <= limit else {
        throw TrainError.sampleTooLong(sample: sample, tokens: length, positions: limit)
      }
    }
    return tokens
  }

  /// The adapter given, or a fresh one.
  private static func startingAdapter(
    _ base: LanguageModel, _ context: StageContext
  ) throws -> Adapter {
    let asked = try targetList(context[targets])
    guard let input = context.optionalInput("adapter") else {
      context.log("a fresh adapter: rank \(context[rank]), \(asked.joined(separator: ", "))")
      var random = SeededRandom(seed: UInt64(context[seed]), purpose: "adapter")
      return Adapter(
        config: AdapterConfig(
          rank: context[rank], alpha: context[alpha], dropout: context[dropout], targets: asked,
          rankStabilised: context[rankStabilised], weightDecomposed: context[dora]),
        base: base, random: &random)
    }
    let given = try Adapter(paths: input.paths, base: base) { try input.map($0) }
    context.log(
      "continuing an adapter: rank \(given.config.rank), "
        + given.config.targets.joined(separator: ", "))
    // A setting left at its default asks for nothing.
    func check(_ name: String, _ same: Bool, _ isDefault: Bool, _ asked: String, _ has: String)
      throws(TrainError)
    {
      guard same || isDefault else {
        throw .contradiction(parameter: name, asked: asked, adapter: has)
      }
    }
    let config = given.config
    try check(
      "rank", context[rank] == config.rank, context[rank] == rank.standard, "\(context[rank])",
      "\(config.rank)")
    try check(
      "alpha", context[alpha] == config.alpha, context[alpha] == alpha.standard,
      "\(context[alpha])", "\(config.alpha)")
    try check(
      "rank_stabilised", context[rankStabilised] == config.rankStabilised,
      context[rankStabilised] == rankStabilised.standard, "\(context[rankStabilised])",
      "\(config.rankStabilised)")
    try check(
      "dora", context[dora] == config.weightDecomposed, context[dora] == dora.standard,
      "\(context[dora])", "\(config.weightDecomposed)")
    try check(
      "targets", asked == config.targets, context[targets] == targets.standard, context[targets],
      config.targets.joined(separator: ","))
    // How the adapter was trained before is no part of what it computes.
    var settings = config
    settings.dropout = context[dropout]
    return Adapter(config: settings, copying: given)
  }

  private static func targetList(_ text: String) throws(TrainError) -> [String] {
    let known = AdapterConfig.linearLayers
    if text == "all-linear" { return known.sorted() }
    var names: Set<String> = []
    for name in text.split(separator: ",") {
      let name = String(name.filter { $0 != " " })
      guard known.contains(name) else { throw .unknownTarget(name, known: known) }
      names.insert(name)
    }
    guard !names.isEmpty else { throw .unknownTarget(text, known: known) }
    return names.sorted()
  }
}
