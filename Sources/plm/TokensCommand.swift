import ArgumentParser
import Bytes
import Foundation
import Tokenizers

/// Tokenises standard input.
struct TokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens", abstract: "Tokenises standard input and prints the ids.")

  @Option(help: "The model folder or file whose tokenizer is used.")
  var base: String

  @Flag(help: "Prints the pieces instead of the ids.")
  var pieces = false

  @Flag(help: "Prints JSON.")
  var json = false

  mutating func run() throws {
    let path = CommonOptions.absolute(base)
    guard FileManager.default.fileExists(atPath: path) else {
      throw UsageProblem("there is no model at \(path)")
    }
    let folder = CommonOptions.isFolder(path)
    let root = folder ? path : URL(fileURLWithPath: path).deletingLastPathComponent().path
    let names =
      folder
      ? try FileManager.default.contentsOfDirectory(atPath: path).sorted()
      : [URL(fileURLWithPath: path).lastPathComponent]
    let tokenizer = try TokenizerFolder.open(paths: names) { try MappedFile(path: "\(root)/\($0)") }
    let text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
    let ids = tokenizer.encode(text)
    if json {
      let list: [JSON] =
        pieces ? ids.map { .string(tokenizer.piece(of: $0)) } : ids.map { .int(Int($0)) }
      Terminal.write(JSON.array(list).text + "\n")
    } else {
      let words = pieces ? ids.map(tokenizer.piece(of:)) : ids.map { "\($0)" }
      Terminal.write(words.joined(separator: pieces ? "\n" : " ") + "\n")
    }
  }
}
