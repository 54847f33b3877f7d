import Augmentation
import Bytes
import Formats
import Models
import StageKit
import Tokenizers

/// Continues texts with a model of this machine.
struct ModelGenerator: TextGenerator {
  let identity: String
  private let model: LanguageModel
  private let adapter: Adapter?
  private let tokenizer: any Tokenizer
  private let options: GenerationOptions
  private let start: Int32
  private let end: Int32

  /// Opens a base, and an adapter to speak through.
  init(base: InputArtifact, adapter: InputArtifact?, options: GenerationOptions) throws {
    let folder = try ModelFolder(paths: base.isTree ? base.paths : [""], map: { try base.map($0) })
    let tokenizer = try TokenizerFolder.open(paths: base.isTree ? base.paths : [""]) {
      try base.map($0)
    }
    guard let start = tokenizer.startID, let end = tokenizer.separatorID else {
      throw FormatError.missing(format: "teacher", field: "end-of-text token")
    }
    self.tokenizer = tokenizer
    self.start = start
    self.end = end
    let model = try LanguageModel(folder)
    self.model = model
    self.adapter = try adapter.map { input in
      try Adapter(
        config: AdapterConfig(json: input.read(AdapterConfig.fileName)), base: model,
        source: SafetensorsFile(input.map(AdapterConfig.weightsName)))
    }
    identity = base.digest.description + (adapter.map { " + \($0.digest)" } ?? "")
    self.options = options
  }

  func continuations(
    of prompts: [ContinuationPrompt], seed: UInt64
  ) async throws -> [GeneratedText] {
    let network = Network(model, adapter: adapter)
    var tokens: [[Int32]] = []
    var limits: [Int] = []
    for prompt in prompts {
      let (ids, limit) = fitted(prompt)
      tokens.append(ids)
      limits.append(limit)
    }
    var options = options
    options.seed = seed
    options.stop = [end]
    options.maximumTokens = limits.max() ?? 0
    return try zip(network.generate(tokens, options: options), limits).map { continuation, limit in
      let isCut = continuation.tokens.count > limit
      return GeneratedText(
        tokenizer.decode(Array(continuation.tokens.prefix(limit))),
        isComplete: continuation.end == .stop && !isCut)
    }
  }

  /// A prompt's tokens and how many to add, such that both fit the window.
  ///
  /// The room that opening and continuation leave goes to the documents, the last ones first; the
  /// first that does not fit is left out with all before it, but if that leaves none, its end stays.
  private func fitted(_ prompt: ContinuationPrompt) -> (ids: [Int32], limit: Int) {
    let window = model.config.maximumPositions
    let wanted = tokenizer.encode(prompt.asLongAs).count
    // A fifth more than the model text, so that it can end by itself.
    let limit = max(8, min(options.maximumTokens, wanted + wanted / 5, window / 2))
    // A question too long for the window keeps its end: the text asked about.
    let opening = tokenizer.encode(prompt.opening).suffix(window - limit - 1)
    var room = window - limit - 1 - opening.count
    var documents: [[Int32]] = []
    for document in prompt.documents.reversed() {
      let ids = tokenizer.encode(document)
      guard ids.count + tokenizer.idsAround <= room else {
        if documents.isEmpty, room > 32 { documents = [ids.suffix(room - tokenizer.idsAround)] }
        break
      }
      room -= ids.count + tokenizer.idsAround
      documents.insert(ids, at: 0)
    }
    return (documents.flatMap(tokenizer.standingBefore) + [start] + opening, limit)
  }
}
