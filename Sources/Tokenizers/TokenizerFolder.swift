public import Bytes
import Formats

/// Opens the tokenizer of a model's folder or file, whatever its format.
public enum TokenizerFolder {
  /// The names of the files a folder in Hugging Face's layout has.
  public static let fileName = "tokenizer.json"
  public static let configName = "tokenizer_config.json"

  /// Whether a folder holds a tokenizer.
  public static func isThere(in paths: [String]) -> Bool {
    paths.contains(fileName) || paths.contains("vocab.json")
      || paths.contains { $0.hasSuffix(".gguf") || isLlama2C($0) }
  }

  /// - Parameters:
  ///   - paths: the files of the folder; one empty path for a single GGUF file.
  ///   - map: maps one of them.
  public static func open(
    paths: [String], map: (String) throws -> MappedFile
  ) throws -> any Tokenizer {
    func bytes(_ path: String) throws -> [UInt8]? {
      paths.contains(path) ? try map(path).copied() : nil
    }
    let config = try bytes(configName)
    if let json = try bytes(fileName) {
      return try withEnds(
        ByteLevelBPE(json: json, config: config), config, try bytes("config.json"))
    }
    if let vocabulary = try bytes("vocab.json"), let merges = try bytes("merges.txt") {
      let isQwen2 = config.map { String(decoding: $0, as: UTF8.self).contains("Qwen2Tokenizer") }
      let tokenizer = try ByteLevelBPE(
        vocabulary: vocabulary, mergesText: String(decoding: merges, as: UTF8.self),
        specials: try specials(config), rule: isQwen2 == true ? .qwen2 : .gpt2, config: config)
      return try withEnds(tokenizer, config, try bytes("config.json"))
    }
    if let path = paths.first(where: { $0.hasSuffix(".gguf") && !$0.contains("adapter") }) {
      return try open(GGUFFile(try map(path)))
    }
    if let path = paths.first(where: isLlama2C) {
      return try SentencePieces(llama2C: try map(path))
    }
    if paths == [""] { return try open(GGUFFile(try map(""))) }
    throw FormatError.missing(
      format: "model folder", field: "tokenizer.json, vocab.json with merges.txt, or a .gguf")
  }

  private static func open(_ file: GGUFFile) throws -> any Tokenizer {
    file.metadata["tokenizer.ggml.model"]?.text == "llama"
      ? try SentencePieces(gguf: file) : try ByteLevelBPE(gguf: file)
  }

  private static func isLlama2C(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return name.hasPrefix("tok") && name.hasSuffix(".bin")
  }

  /// The ends that the model's own config names, where the tokenizer's config is not there.
  private static func withEnds(
    _ tokenizer: ByteLevelBPE, _ own: [UInt8]?, _ model: [UInt8]?
  ) throws -> ByteLevelBPE {
    guard own == nil, let model else { return tokenizer }
    var tokenizer = tokenizer
    let config = try ModelConfig(json: model)
    func known(_ id: Int32) -> Bool { id < tokenizer.vocabularyCount }
    if let bos = config.bosID, known(bos) { tokenizer.bosID = bos }
    let ends = config.eosIDs.filter(known)
    if !ends.isEmpty { tokenizer.eosIDs = ends }
    return tokenizer
  }

  /// The special tokens that `tokenizer_config.json` lists under `added_tokens_decoder`.
  private static func specials(_ config: [UInt8]?) throws -> [ByteLevelBPE.Special] {
    guard let config else { return [] }
    let node = try JSONNode(parsing: config, format: configName)
    return (node["added_tokens_decoder"]?.members ?? []).compactMap { member in
      guard let id = Int32(member.name), let content = member.value["content"]?.text else {
        return nil
      }
      return .init(id: id, content: content, isControl: member.value["special"]?.bool ?? true)
    }
  }
}
