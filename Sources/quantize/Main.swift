import Bytes
import ChatTemplates
import Formats
import Kernels
import Models
import StageKit
import Tokenizers

/// Writes a base with its adapter merged as one GGUF model, and the adapter alone.
@main enum Quantize: Stage {
  static let name = "quantize"
  static let version = 5
  static let summary = "Writes a base with its adapter as GGUF, and the adapter alone."

  static let inputs = [
    Input("base", kind: "model", help: "A model: Hugging Face folder, GGUF or llama2.c."),
    Input("adapter", kind: "adapter", optional: true, help: "A PEFT folder with a LoRA adapter."),
    Input(
      "tokens", kind: "tokens", optional: true,
      help: "The user's own texts, which imatrix=own is measured on."),
    Input(
      "heldout", kind: "tokens", optional: true,
      help: "Validation texts: what is written is compared with the unquantised model on them."),
  ]
  static let outputs = [
    Output("model", kind: "gguf", help: "model.gguf, the adapter merged into it."),
    Output(
      "adapter", kind: "gguf-adapter", optional: true,
      help: "adapter.gguf, where an adapter was given that GGUF can hold: DoRA it cannot."),
    Output(
      "peft", kind: "adapter", optional: true, help: "The same adapter as PEFT's two files."),
    Output(
      "report", kind: "report",
      help: "report.json and report.md: size, bits per weight, validation loss."),
  ]

  static let type = Parameter(
    "type", default: "Q8_0", oneOf: GGUFFileType.allCases.map(\.name),
    help: "How matrices are stored; norms and biases are F32.")
  static let imatrix = Parameter(
    "imatrix", default: "none", oneOf: ["none", "own"],
    help:
      "own: rounds by what the tokens given make of each column, so that the bits go where this "
      + "user needs them.")
  static let imatrixTokens = Parameter(
    "imatrix_tokens", default: 16_384, in: 1...16_777_216, help: "Most tokens it is measured on.")
  static let checkTokens = Parameter(
    "check_tokens", default: 2048, in: 1...16_777_216,
    help: "Most tokens of heldout that the result is compared on.")
  static let compare = Parameter(
    "compare", default: "none", oneOf: ["none", "all"],
    help: "all: the report has a row for every type, not only for the one written.")
  static let threads = Parameter(
    "threads", default: 0, in: 0...256, help: "Threads; 0 is one per core. Changes no result.",
    execution: true)
  static let parameters: [any ParameterDeclaration] = [
    type, imatrix, imatrixTokens, checkTokens, compare, threads,
  ]
  static let resources = Resources(cores: 2, memory: 512 << 20)
  static var refusedKernels: String? { Kernels.refusedVariant }

  static func run(_ context: StageContext) async throws {
    Kernels.threads = context[threads]
    Kernels.exitWithoutMemory(code: 75)
    let base = try base(context)
    let folder = try ModelFolder(paths: base.filePaths) { try base.map($0) }
    let type = GGUFFileType(name: context[Self.type]) ?? .q8
    let others = context[compare] == "all" ? GGUFFileType.allCases.filter { $0 != type } : []
    let judge = try Judge(folder, context)
    let importance = try importance(judge, for: [type] + others, context)
    let writer = ModelWriter(
      folder: folder, adapter: try context.optionalInput("adapter").map { try open($0, folder) },
      vocabulary: try vocabulary(base, folder, context), importance: importance,
      context: context)

    let output = try context.output("model").writer(ModelWriter.fileName, mappable: true)
    var rows = [try writer.write(type) { try output.write($0) }]
    try output.finish()
    // Read again from the store: what is checked is what was written.
    let written = try ModelFolder(paths: [ModelWriter.fileName]) {
      try context.output("model").map($0)
    }
    try judge.judge(written, &rows[0], binding: true)
    for other in others {
      var row: Report.Row?
      let model = try writer.writeAside(other) { row = $0 }
      if var row {
        try judge.judge(model, &row, binding: false)
        rows.append(row)
      }
    }
    try writeAdapter(writer, context)
    let report = Report(
      rows: rows, unquantised: judge.unquantised, importanceTokens: importance?.tokens ?? 0,
      parameters: folder.config.parameterCount,
      lacksAdapter: writer.adapter?.config.weightDecomposed ?? false)
    try context.output("report").write("report.json", text: report.json.text + "\n")
    try context.output("report").write("report.md", text: report.markdown)
    context.progress([
      "bytes": .int(rows[0].bytes), "type": .string(type.name),
      "fell_back": .int(rows[0].fallen.count),
    ])
  }

  /// The base, hashed while it is quantised where there is a thread for that.
  private static func base(_ context: StageContext) throws -> InputArtifact {
    let base = try context.input("base")
    let threads = Kernels.threads
    guard threads > 1 else { return base }
    // One thread less meanwhile: kernels that share a core with the hash wait for it at every step.
    Kernels.threads = threads - 1
    return base.verifiedBeside { Kernels.threads = threads }
  }

  private static func importance(
    _ judge: Judge, for types: [GGUFFileType], _ context: StageContext
  ) throws -> ColumnImportance? {
    guard context[imatrix] == "own" else { return nil }
    guard let input = context.optionalInput("tokens") else { throw QuantizeError.noTokens }
    guard types.contains(where: \.searches) else {
      context.log("\(context[type]) leaves nothing to choose: imatrix=own changes nothing")
      return nil
    }
    let samples = try input.tokens().samples
    let importance = try ColumnImportance(
      of: judge.network, on: samples, most: context[imatrixTokens]
    ) { context.progress(["imatrix_tokens": .int($0)]) }
    guard importance.tokens > 0 else { throw QuantizeError.emptyTokens }
    context.log("importance of columns measured on \(importance.tokens) tokens")
    return importance
  }

  private static func open(
    _ input: InputArtifact, _ folder: ModelFolder
  ) throws -> AdapterWeights {
    try AdapterWeights(
      config: AdapterConfig(json: input.read(AdapterConfig.fileName)),
      file: SafetensorsFile(input.map(AdapterConfig.weightsName)), model: folder.config)
  }

  private static func writeAdapter(_ writer: ModelWriter, _ context: StageContext) throws {
    guard let adapter = writer.adapter, let input = context.optionalInput("adapter") else { return }
    if adapter.config.weightDecomposed {
      context.log("no adapter.gguf: \(Report.whyNoAdapter)")
    } else {
      try context.output("adapter").write(
        "adapter.gguf", try GGUFExport.adapter(adapter, model: writer.folder.config),
        mappable: true)
    }
    for name in [AdapterConfig.fileName, AdapterConfig.weightsName] {
      try context.output("peft").link(name, to: input, name)
    }
  }

  /// The metadata by which llama.cpp knows the base's tokens and how conversations are put to it.
  private static func vocabulary(
    _ base: InputArtifact, _ folder: ModelFolder, _ context: StageContext
  ) throws -> [(key: String, value: GGUFValue)]? {
    guard try hasVocabulary(base, folder) else {
      context.log("the base has no tokenizer: model.gguf will have none either")
      return nil
    }
    let config = folder.config
    let tokenizer = try TokenizerFolder.open(
      paths: base.filePaths, map: { try base.map($0) }, gguf: folder.gguf)
    if tokenizer.vocabularyCount > config.vocabularySize {
      throw FormatError.wrongShape(
        tensor: "model.embed_tokens.weight",
        expected: [tokenizer.vocabularyCount, config.hiddenSize],
        found: [config.vocabularySize, config.hiddenSize])
    }
    var metadata = try tokenizer.ggufMetadata(count: config.vocabularySize)
    if let difference = tokenizer.ggufDifference { context.log(difference) }
    // A model may end its turns and messages with other tokens than texts; GGUF has a key for each.
    let known = 0..<Int32(clamping: tokenizer.vocabularyCount)
    let others = config.eosIDs.filter { $0 != tokenizer.eosIDs.first && known.contains($0) }
    for (name, other) in zip(["eot", "eom"], others) {
      metadata.append(("tokenizer.ggml.\(name)_token_id", .uint32(UInt32(other))))
    }
    if others.count > 2 {
      context.log("ends of texts that GGUF has no key for are left out: \(others.dropFirst(2))")
    }
    if let template = try template(base, folder, context) {
      metadata.append((ChatTemplate.ggufKey, .string(template)))
    }
    return metadata
  }

  /// Whether the base has a tokenizer; a GGUF file may be without one.
  private static func hasVocabulary(_ base: InputArtifact, _ folder: ModelFolder) throws -> Bool {
    let paths = base.filePaths
    let besides = paths.filter { !$0.isEmpty && !$0.hasSuffix(".gguf") }
    if TokenizerFolder.isThere(in: besides) { return true }
    if let gguf = folder.gguf { return gguf.vocabulary != nil }
    return try paths.contains { path in
      guard path.isEmpty || path.hasSuffix(".gguf") else { return false }
      let file = try base.map(path)
      return try GGUFFile.isGGUF(file) && GGUFFile(file).vocabulary != nil
    }
  }

  /// Other programs may carry out what plm cannot: the template is passed on as it is.
  private static func template(
    _ base: InputArtifact, _ folder: ModelFolder, _ context: StageContext
  ) throws -> String? {
    do {
      return try ChatTemplate.source(
        paths: base.filePaths, map: { try base.map($0) }, gguf: folder.gguf)
    } catch let error as TemplateError {
      context.log("\(error); model.gguf will have none")
      return nil
    }
  }
}

extension InputArtifact {
  /// The paths of a tree, or the one empty path of a single file.
  var filePaths: [String] { isTree ? paths : [""] }

  /// The token samples it holds.
  func tokens() throws -> TokenFile { try TokenFile(map(isTree ? TokenFile.name : "")) }
}
