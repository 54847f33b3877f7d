public import Bytes

/// Draws the nodes of a pipeline and what flows between them.
public struct Drawing: Sendable {
  private let pipeline: Pipeline

  public init(_ pipeline: Pipeline) { self.pipeline = pipeline }

  /// One arrow: from a source or a node to a node, with the output and input it stands for.
  public struct Edge: Sendable, Equatable {
    public let from: String
    public let output: String?
    public let to: String
    public let input: String
    public let gathered: Bool
  }

  /// The arrows in the order of the file, inputs by name.
  public var edges: [Edge] {
    pipeline.nodes.flatMap { node in
      node.inputs.sorted { $0.key < $1.key }.map { input, reference in
        switch reference {
        case .source(let name):
          Edge(from: name, output: nil, to: node.name, input: input, gathered: false)
        case .output(let from, let output):
          Edge(from: from, output: output, to: node.name, input: input, gathered: false)
        case .gathered(let from, let output):
          Edge(from: from, output: output, to: node.name, input: input, gathered: true)
        }
      }
    }
  }

  private var usedSources: [String] {
    Set(edges.filter { $0.output == nil }.map(\.from)).sorted()
  }

  /// The nodes and arrows for other programs.
  public var json: JSON {
    let nodes = pipeline.nodes.map { node -> JSON in
      let work: JSON =
        switch node.work {
        case .stage(let stage): .string(stage)
        case .command(let words): .array(words.map(JSON.string))
        }
      return ["name": .string(node.name), "scope": .string(node.scope.rawValue), "runs": work]
    }
    let edges = edges.map { edge -> JSON in
      [
        "from": .string(edge.from), "output": edge.output.map(JSON.string) ?? .null,
        "to": .string(edge.to), "input": .string(edge.input), "gathered": .bool(edge.gathered),
      ]
    }
    return [
      "sources": .array(usedSources.map(JSON.string)), "nodes": .array(nodes),
      "edges": .array(edges),
    ]
  }

  /// The Graphviz language.
  public var dot: String {
    var lines = ["digraph plm {", "  rankdir=LR;", "  node [shape=box];"]
    for source in usedSources {
      lines.append("  \"source:\(source)\" [label=\"\(source)\", shape=cylinder];")
    }
    for node in pipeline.nodes {
      let style =
        switch node.scope {
        case .shared: ", style=bold"
        case .user: ""
        case .gather: ", peripheries=2"
        }
      lines.append("  \"\(node.name)\" [label=\"\(node.name)\"\(style)];")
    }
    for edge in edges {
      let from = edge.output == nil ? "source:\(edge.from)" : edge.from
      let label = edge.output.map { edge.gathered ? "*.\($0)" : $0 } ?? ""
      lines.append("  \"\(from)\" -> \"\(edge.to)\" [label=\"\(label)\"];")
    }
    lines.append("}")
    return lines.joined(separator: "\n") + "\n"
  }

  /// The Mermaid language, as GitHub and many editors draw it.
  public var mermaid: String {
    var lines = ["flowchart LR"]
    for source in usedSources { lines.append("  s_\(Self.id(source))[(\(source))]") }
    for node in pipeline.nodes {
      let label =
        switch node.scope {
        case .shared: "{{\(node.name)}}"
        case .user: "[\(node.name)]"
        case .gather: "[[\(node.name)]]"
        }
      lines.append("  n_\(Self.id(node.name))\(label)")
    }
    for edge in edges {
      let from = (edge.output == nil ? "s_" : "n_") + Self.id(edge.from)
      let label = edge.output.map { edge.gathered ? "|\"*.\($0)\"|" : "|\($0)|" } ?? ""
      lines.append("  \(from) -->\(label) n_\(Self.id(edge.to))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func id(_ name: String) -> String {
    String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }
}
