import ArgumentParser
import Bytes
import ChatTemplates
import Formats
import Foundation
import Tokenizers

/// Tokenises standard input.
struct TokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens", abstract: "Tokenises standard input and prints the ids.",
    discussion: """
      With --chat standard input is a conversation as JSON: a list of messages, or an object with \
      messages and what else the template reads (tools, add_generation_prompt …). Special tokens \
      that the template writes are taken as such.
      """)

  @Option(help: "The model folder or file whose tokenizer is used.")
  var base: String

  @Flag(help: "Prints the pieces instead of the ids.")
  var pieces = false

  @Flag(help: "Takes the names of special tokens in the text as such, not as words.")
  var specials = false

  @Flag(help: "Adds what the tokenizer puts before and behind every text.")
  var ends = false

  @Flag(help: "Reads ids and prints their text.")
  var decode = false

  @Flag(help: "Reads a conversation as JSON and applies the model's chat template to it.")
  var chat = false

  @Option(
    help: ArgumentHelp(
      "The chat template instead of the model's own: "
        + ChatFamily.allCases.map(\.rawValue).joined(separator: ", ")
        + ", or a file in Jinja. Implies --chat.", valueName: "name or file"))
  var template: String?

  @Flag(help: "Prints the text that the chat template gives, not the ids.")
  var text = false

  @Flag(
    help: "Takes every line, a JSON string, for a text of its own, and prints its ids on a line.")
  var lines = false

  @Option(
    help: ArgumentHelp("Encodes so many times and prints the best time only.", visibility: .hidden))
  var time: Int?

  @Flag(help: "Prints JSON.")
  var json = false

  mutating func run() throws {
    let path = CommonOptions.absolute(base)
    guard FileManager.default.fileExists(atPath: path) else {
      throw UsageProblem("there is no model at \(path)")
    }
    let folder = CommonOptions.isFolder(path)
    let root = folder ? path : URL(fileURLWithPath: path).deletingLastPathComponent().path
    let all = try FileManager.default.contentsOfDirectory(atPath: root).sorted()
    let own = URL(fileURLWithPath: path).lastPathComponent
    let names = folder ? all : [own] + TokenizerFolder.beside(own, of: all)
    let map = { (name: String) in try MappedFile(path: "\(root)/\(name)") }
    let input = String(
      decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
    if text, chat || template != nil {
      Terminal.write(try prompt(input, names: names, map: map))
      return
    }
    let tokenizer = try TokenizerFolder.open(paths: names, map: map)
    if decode {
      Terminal.write(tokenizer.decode(try Self.ids(input, below: tokenizer.vocabularyCount)))
    } else if lines {
      for line in input.utf8.split(separator: 0x0a) {
        guard let text = try Self.parsed(line, "a line").text else {
          throw UsageProblem("a line is no JSON string: \(Substring(line).prefix(80))")
        }
        write(ids(of: text, tokenizer), tokenizer)
      }
    } else if let time {
      measure(input, tokenizer, times: time)
    } else if chat || template != nil {
      let prompt = try prompt(input, names: names, map: map)
      write(tokenizer.encode(prompt, specials: true), tokenizer)
    } else {
      write(ids(of: input, tokenizer), tokenizer)
    }
  }

  /// Ids with spaces, commas or brackets between.
  private static func ids(_ input: String, below count: Int) throws -> [Int32] {
    try input.split { $0.isWhitespace || [",", "[", "]"].contains($0) }.map { word in
      guard let id = Int(word) else { throw UsageProblem("\(word.prefix(80)) is no id") }
      guard (0..<count).contains(id) else {
        throw UsageProblem("there is no id \(id): the vocabulary has 0 to \(count - 1)")
      }
      return Int32(id)
    }
  }

  /// What standard input holds; what is no JSON there is the caller's mistake.
  private static func parsed(
    _ bytes: some Collection<UInt8>, _ what: String
  ) throws -> JSONNode {
    do throws(FormatError) {
      return try JSONNode(parsing: bytes, format: what)
    } catch {
      throw UsageProblem("\(what) is no JSON: \(error)")
    }
  }

  private func ids(of text: String, _ tokenizer: any Tokenizer) -> [Int32] {
    let ids = tokenizer.encode(text, specials: specials)
    return ends ? tokenizer.prefixIDs + ids + tokenizer.suffixIDs : ids
  }

  private func write(_ ids: [Int32], _ tokenizer: any Tokenizer) {
    if json {
      let list: [JSON] =
        pieces ? ids.map { .string(tokenizer.piece(of: $0)) } : ids.map { .int(Int($0)) }
      Terminal.write(JSON.array(list).text + "\n")
    } else {
      let words = pieces ? ids.map(tokenizer.piece(of:)) : ids.map { "\($0)" }
      Terminal.write(words.joined(separator: pieces ? "\n" : " ") + "\n")
    }
  }

  // MARK: Conversations

  private func prompt(
    _ input: String, names: [String], map: (String) throws -> MappedFile
  ) throws -> String {
    let node = try Self.parsed(input.utf8, "the conversation")
    guard let list = node.elements ?? node["messages"]?.elements else {
      throw UsageProblem("standard input holds no list of messages")
    }
    let messages = try list.map { message in
      guard message["role"]?.text != nil else { throw UsageProblem("a message has no role") }
      // A template may read a content that is no text, or ask whether there is one.
      return ChatMessage(members: message.members ?? [])
    }
    let variables = (node.members ?? []).filter {
      !["messages", "add_generation_prompt"].contains($0.name)
    }
    return try found(names: names, map: map).render(
      messages, addGenerationPrompt: node["add_generation_prompt"]?.bool ?? true,
      variables: variables)
  }

  private func found(
    names: [String], map: (String) throws -> MappedFile
  ) throws -> ChatTemplate {
    if let template {
      let file = CommonOptions.absolute(template)
      if ChatFamily(rawValue: template) == nil, FileManager.default.fileExists(atPath: file) {
        let source = String(decoding: try MappedFile(path: file).copied(), as: UTF8.self)
        return try ChatTemplate(
          jinja: source, config: ChatTemplate.config(paths: names, map: map))
      }
      return try ChatTemplate(named: template)
    }
    guard let own = try ChatTemplate.find(paths: names, map: map) else {
      throw UsageProblem("the model has no chat template: name one with --template")
    }
    return own
  }

  // MARK: Time

  /// Prints the best of several times for encoding a text in memory, nothing remembered between.
  private func measure(_ input: String, _ tokenizer: any Tokenizer, times: Int) {
    var best = Duration.seconds(1_000_000)
    var count = 0
    for _ in 0..<max(times, 1) {
      best = min(best, ContinuousClock().measure { count = tokenizer.encode(input).count })
    }
    let seconds = Double(best.components.seconds) + Double(best.components.attoseconds) / 1e18
    Terminal.write("\(count) \(seconds) \(input.utf8.count)\n")
  }
}
