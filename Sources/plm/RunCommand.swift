import ActionCache
import ArgumentParser
import Bytes
import Formats
import Foundation
import Kernels
import Models
import ObjectStore
import Tokenizers

/// Continues a text with a personal model, offline.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Continues a text with a user's model, or with any model.",
    usage: "plm run USER PROMPT [options]\n       plm run --model PATH PROMPT [options]")

  @OptionGroup var common: CommonOptions

  @Argument(help: "The user, unless --model is given; then the text to go on from.")
  var words: [String] = []

  @Option(help: "A model folder or file to use instead of a user's bundle (HF, GGUF, llama2.c).")
  var model: String?

  @Option(help: "A PEFT adapter folder to use with --model.")
  var adapter: String?

  @Option(help: "Most tokens to add.")
  var tokens = 128

  @Option(help: "0 always takes the likeliest token.")
  var temperature = 0.7

  @Option(help: "How many of the likeliest tokens are drawn from; 0 for all.")
  var topK = 40

  @Option(help: "The probability mass of the likeliest tokens that are drawn from.")
  var topP = 0.95

  @Option(help: "Seed of what is drawn.")
  var seed: UInt64 = 1

  @Option(help: "Threads; 0 is one per core.")
  var threads = 0

  mutating func validate() throws {
    guard words.count == (model == nil ? 2 : 1) else {
      throw ValidationError(
        model == nil ? "plm run needs a user and a prompt." : "With --model, give one prompt.")
    }
    guard tokens >= 0, temperature >= 0, topK >= 0, topP > 0, topP <= 1, threads >= 0 else {
      throw ValidationError(
        "tokens, temperature, top-k and threads must not be negative, top-p in 0…1.")
    }
    if adapter != nil, model == nil { throw ValidationError("--adapter goes with --model.") }
  }

  mutating func run() throws {
    Kernels.threads = threads
    let opened = try model.map { try OpenedModel(path: $0, adapter: adapter) } ?? bundle()
    let prompt = words[words.count - 1]
    let ids = opened.prompt(prompt)
    let network = Network(opened.model, adapter: opened.adapter)
    var options = GenerationOptions(
      maximumTokens: tokens, temperature: temperature, topK: topK, topP: topP, seed: seed)
    options.stop = Set(opened.tokenizer.eosIDs)
    if let bos = opened.tokenizer.bosID { options.stop.insert(bos) }

    // Text appears as it is made; a character is shown once it is whole.
    var stream = TextStream()
    let isShown = !common.json
    // SentencePiece writes a space before the first word of a text, which is no part of it.
    var dropsSpace = prompt.isEmpty && opened.tokenizer is SentencePieces
    let results = try network.generate([ids], options: options) { _, token in
      var bytes = opened.tokenizer.bytes(of: token)
      if dropsSpace, bytes.first == UInt8(ascii: " ") { bytes.removeFirst() }
      dropsSpace = false
      if isShown { Terminal.write(stream.append(bytes)) }
    }
    guard let result = results.first else { return }
    if isShown {
      // A file gets the text and nothing else.
      Terminal.write(stream.finish() + (isatty(1) == 1 ? "\n" : ""))
      return
    }
    Terminal.write(
      JSON.object([
        "prompt": .string(prompt),
        "prompt_ids": .array(ids.map { .int(Int($0)) }),
        "ids": .array(result.tokens.map { .int(Int($0)) }),
        "text": .string(opened.tokenizer.decode(result.tokens)),
        "end": .string(result.end.rawValue),
        "kernels": .string(Kernels.variant),
      ]).text + "\n")
  }

  /// The model in the user's bundle.
  private func bundle() throws -> OpenedModel {
    let cache = try common.openCache()
    let user = words[0]
    let digest: Digest
    do {
      let word = "\(user)/package.bundle"
      digest = try Reference(word, in: cache).digest(of: word, in: cache.store)
    } catch let problem as UsageProblem {
      throw UsageProblem("\(user) has no bundle yet; plm build \(user) makes one (\(problem))")
    }
    let tree = try cache.store.tree(digest)
    return try OpenedModel(paths: tree.entries.map(\.path), adapter: nil) { path in
      guard let entry = tree[path] else { throw StoreError.noEntry(path: path, tree: digest) }
      return try cache.store.map(entry.digest)
    }
  }
}

/// Stores a model with its tokenizer, opened from wherever it lies.
struct OpenedModel {
  let model: LanguageModel
  let tokenizer: any Tokenizer
  let adapter: Adapter?

  /// Opens a folder or a file on disk.
  init(path: String, adapter adapterPath: String?) throws {
    let path = CommonOptions.absolute(path)
    let folder = CommonOptions.isFolder(path)
    guard FileManager.default.fileExists(atPath: path) else {
      throw UsageProblem("there is no model at \(path)")
    }
    let names =
      folder
      ? try FileManager.default.contentsOfDirectory(atPath: path).sorted()
      : [URL(fileURLWithPath: path).lastPathComponent]
    let root = folder ? path : URL(fileURLWithPath: path).deletingLastPathComponent().path
    try self.init(paths: names, adapter: adapterPath.map(CommonOptions.absolute)) {
      try MappedFile(path: "\(root)/\($0)")
    }
  }

  init(
    paths: [String], adapter adapterPath: String?, map: (String) throws -> MappedFile
  ) throws {
    let model = try LanguageModel(ModelFolder(paths: paths, map: map))
    self.model = model
    tokenizer = try TokenizerFolder.open(paths: paths, map: map)
    adapter = try adapterPath.map { folder in
      try Adapter(
        paths: try FileManager.default.contentsOfDirectory(atPath: folder), base: model.config
      ) { try MappedFile(path: "\(folder)/\($0)") }
    }
  }

  /// The ids of a prompt: what starts a text, then the text.
  func prompt(_ text: String) -> [Int32] {
    let start = tokenizer.bosID ?? tokenizer.separatorID
    return (start.map { [$0] } ?? []) + tokenizer.encode(text)
  }
}
