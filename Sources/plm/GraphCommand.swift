import ArgumentParser
import Bytes
import Graph

struct GraphCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "Draws the nodes of the pipeline and what flows between them.")

  /// The languages it draws in.
  enum Language: String, ExpressibleByArgument, CaseIterable {
    case dot, mermaid, json
  }

  @OptionGroup var common: CommonOptions

  @Option(name: [.long, .customLong("as")], help: "dot, mermaid or json.")
  var format: Language = .dot

  mutating func run() throws {
    let drawing = Drawing(try common.readPipeline())
    switch common.json ? .json : format {
    case .dot: Terminal.write(drawing.dot)
    case .mermaid: Terminal.write(drawing.mermaid)
    case .json: Terminal.write(drawing.json)
    }
  }
}
