import Bytes
import Corpus
import Encoding
import Formats
import StageKit
import Tokenizers

/// Turns records and samples, or a raw corpus, into token samples.
@main enum Tokenize: Stage {
  static let name = "tokenize"
  static let version = 4
  static let summary = "Turns records and samples, or a raw corpus, into token samples."

  static let inputs = [
    Input("base", kind: "model", optional: true, help: "The model whose tokenizer is used."),
    Input(
      "tokenizer", kind: "tokenizer", optional: true, help: "A tokenizer, where there is no base."),
    Input("history", kind: "records", optional: true, help: "The user's own texts."),
    Input("samples", kind: "samples", optional: true, help: "Samples; rejected ones are left out."),
    Input("validation", kind: "records", optional: true, help: "What is decided by."),
    Input("corpus", kind: "corpus", optional: true, help: "In mode corpus: text or JSON Lines."),
  ]
  static let outputs = [
    Output("train", kind: "tokens", help: "tokens.safetensors of what is learned from."),
    Output(
      "validation", kind: "tokens", optional: true,
      help: "tokens.safetensors of what is decided by, where there is any."),
  ]

  static let mode = Parameter(
    "mode", default: "text", oneOf: ["text", "corpus"],
    help: "text: a record or sample each; corpus: documents joined and cut into windows.")
  static let window = Parameter(
    "window", default: 256, in: 8...1 << 20, help: "The most tokens a sample may have.")
  static let tokens = Parameter(
    "tokens", default: 0, in: 0...1 << 40, help: "In mode corpus: the most tokens kept; 0 = all.")
  static let holdout = Parameter(
    "holdout", default: 0.01, in: 0...0.5,
    help: "In mode corpus: the share of documents kept for validation.")
  static let seed = Parameter(
    "seed", default: 1, in: 0...Int.max, help: "In mode corpus: chooses the windows kept.")
  static let parameters: [any ParameterDeclaration] = [mode, window, tokens, holdout, seed]

  static func run(_ context: StageContext) async throws {
    guard let source = context.optionalInput("tokenizer") ?? context.optionalInput("base") else {
      throw StageError.noInput("base")
    }
    let tokenizer = try TokenizerFolder.open(paths: source.isTree ? source.paths : [""]) {
      try source.map($0)
    }
    if context[mode] == "corpus" {
      try pack(context, tokenizer)
    } else {
      try encode(context, tokenizer)
    }
  }

  private static func encode(_ context: StageContext, _ tokenizer: any Tokenizer) throws {
    let encoder = try SampleEncoder(tokenizer: tokenizer, window: context[window])
    let records = try RecordFile.decode(context.input("history").read())
    var samples = encoder.encode(records)
    var synthetic = 0
    if let input = context.optionalInput("samples") {
      let usable = try SampleFile.decode(input.read()).filter(\.isUsable)
      synthetic = usable.count
      samples += encoder.encode(usable)
    }
    try context.output("train").write(
      TokenFile.name, TokenFile.bytes(samples), mappable: true)
    var facts: [String: JSON] = [
      "records": .int(records.count), "synthetic": .int(synthetic),
      "samples": .int(samples.count), "tokens": .int(samples.reduce(0) { $0 + $1.ids.count }),
    ]
    if let input = context.optionalInput("validation") {
      let validation = encoder.encode(try RecordFile.decode(input.read()))
      try context.output("validation").write(
        TokenFile.name, TokenFile.bytes(validation), mappable: true)
      facts["validation_samples"] = .int(validation.count)
    }
    context.progress(facts)
  }

  private static func pack(_ context: StageContext, _ tokenizer: any Tokenizer) throws {
    guard let tokenizer = tokenizer as? ByteLevelBPE else {
      throw FormatError.unsupported(
        format: "tokenizer", field: "kind", found: "SentencePiece",
        supported: "a byte-level BPE vocabulary")
    }
    let corpus = try context.input("corpus")
    var packer = try CorpusPacker(
      tokenizer: tokenizer, window: context[window], tokens: context[tokens],
      holdout: context[holdout], seed: UInt64(context[seed]))
    let files = CorpusFiles(paths: corpus.isTree ? corpus.paths : [""]) { try corpus.map($0) }
    var reported = 0
    try files.forEach { _, text in
      packer.add(text)
      let bytes = packer.train.bytes + packer.validation.bytes
      if bytes >= reported + 10_000_000 {
        reported = bytes
        context.progress(["bytes": .int(bytes), "tokens": .int(packer.train.tokens)])
      }
    }
    packer.finish()
    try write(packer.train, to: context.output("train"), context[window])
    if packer.validation.windows > 0 {
      try write(packer.validation, to: context.output("validation"), context[window])
    }
    context.progress([
      "documents": .int(packer.train.documents), "tokens": .int(packer.train.tokens),
      "windows": .int(packer.train.windows),
      "validation_documents": .int(packer.validation.documents),
      "validation_windows": .int(packer.validation.windows),
    ])
  }

  private static func write(
    _ side: CorpusPacker.Side, to output: OutputArtifact, _ window: Int
  ) throws {
    let writer = try output.writer(TokenFile.name, mappable: true)
    try side.write(window: window) { try writer.write($0) }
    try writer.finish()
  }
}
